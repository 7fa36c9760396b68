import type { CopyProgress } from '../file-copy-options.js';
import { ProgressMeter } from '../progress.js';
import { type Place, showPlace } from './tree-place.js';

/** The progress of a copy or a comparison of a tree. */
export interface TreeProgress extends CopyProgress {
  /** Files that are done: copied, linked, unchanged or failed. */
  files: number;
  totalFiles: number;
  /** Equal to `total`: bytes of content to copy or to compare. */
  totalBytes: number;
  /** The most recent file, relative to the source. */
  path: string;
}

/** Counts the completed work of a tree, and reports it. */
export class TreeMeter {
  readonly #phase: CopyProgress['phase'];
  readonly #onProgress: ((progress: TreeProgress) => void) | undefined;
  #meter = new ProgressMeter(0);
  #files = 0;
  #totalFiles = 0;
  #bytes = 0;
  #totalBytes = 0;

  constructor(
    phase: CopyProgress['phase'],
    onProgress: ((progress: TreeProgress) => void) | undefined,
  ) {
    this.#phase = phase;
    this.#onProgress = onProgress;
  }

  /** Starts measuring with the given amount of work. */
  start(totalFiles: number, totalBytes: number): void {
    this.#meter = new ProgressMeter(totalBytes);
    this.#totalFiles = totalFiles;
    this.#totalBytes = totalBytes;
  }

  advance(place: Place, files: number, bytes: number): void {
    this.#files += files;
    this.#bytes += bytes;
    this.#onProgress?.({
      phase: this.#phase,
      files: this.#files,
      totalFiles: this.#totalFiles,
      ...this.#meter.at(this.#bytes),
      totalBytes: this.#totalBytes,
      path: showPlace(place),
    });
  }
}
