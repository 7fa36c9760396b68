import type { CopyProgress } from '../file-copy-options.js';
import { ProgressMeter } from '../progress.js';
import { type Place, showPlace } from './tree-place.js';

/** How far a copy or a comparison of a tree is. */
export interface TreeProgress extends CopyProgress {
  /** Files that are done: copied, linked, unchanged or failed. */
  files: number;
  totalFiles: number;
  /** The same as `total`: bytes of content to copy or to compare. */
  totalBytes: number;
  /** The file that was worked on last, relative to the source. */
  path: string;
}

/** Counts what has been done of a tree, and reports it. */
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

  /** Begins to measure, with this much to do. */
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
