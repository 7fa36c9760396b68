import { constants } from 'node:os';
import type { CopyFallback } from '../fallbacks.js';
import type { CopiedFile } from './copy-small-file.js';
import type { TreeSettings } from './copy-tree-options.js';
import { emptyReport, type TreeChange } from './copy-tree-report.js';
import type { PlaceError } from './tree-collector.js';
import type { SpecialKind, TreeEntry } from './tree-entry.js';
import { TreeManifest } from './tree-manifest.js';
import { type Place, showPlace } from './tree-place.js';
import { reasonOf, type Task } from './tree-plan.js';
import type { TreeRoot } from './tree-root.js';
import { UnsupportedFileError } from './unsupported-file-error.js';

const fatalCodes = new Set(['ENOSPC', 'EROFS']);
// libuv has no name for this error.
const quotaExceeded = -(constants.errno.EDQUOT ?? Number.NaN);

/** Whether nothing more can be written after this error. */
function isFatal(error: unknown): boolean {
  const { code, errno } = error as NodeJS.ErrnoException;
  return fatalCodes.has(code ?? '') || errno === quotaExceeded;
}

/** Writes the report of a tree copy, and calls the callbacks as things happen. */
export class TreeReporter {
  readonly report = emptyReport();
  /** The manifest that is written, if any. */
  readonly manifest: TreeManifest | undefined;
  #thrown: { error: unknown } | undefined;
  readonly #settings: TreeSettings;
  /** Refused parts, by the first name of a file. */
  readonly #refused = new Map<Task, string[]>();

  constructor(settings: TreeSettings) {
    this.#settings = settings;
    this.manifest = settings.manifest && new TreeManifest(settings.manifest);
  }

  error(place: Place, error: unknown): void {
    const path = showPlace(place);
    this.report.errors.push({ path, error });
    if (isFatal(error)) this.report.stopped = true;
    this.#settings.onError?.(error, path);
  }

  /** Notes the errors of a walk. */
  all(errors: readonly PlaceError[]): void {
    for (const { place, error } of errors) this.error(place, error);
  }

  /** Notes entries that cannot be copied. */
  special(entries: readonly TreeEntry[], root: TreeRoot): void {
    for (const { kind, place } of entries) {
      // A socket means nothing without its process, and has no content.
      if (kind === 'socket') this.report.leftOut.push(showPlace(place));
      else this.error(place, new UnsupportedFileError(kind as SpecialKind, root.show(place)));
    }
  }

  copied(task: Task, copied: CopiedFile): void {
    const { bytes, metadataRefused, changed, fallbacks, badSectors = [], retried = 0 } = copied;
    const { place } = task.entry;
    this.manifest?.addCopied(task, copied);
    this.report.files++;
    this.report.bytes += bytes;
    this.report.retried += retried;
    if (badSectors.length > 0) {
      this.report.badSectors.push({ path: showPlace(place), ranges: badSectors });
    }
    if (changed) this.report.changed.push(showPlace(place));
    for (const fallback of fallbacks) this.fallback(place, fallback);
    this.refused(task, metadataRefused);
    this.change('copy', task);
  }

  /** Notes a link, a FIFO or a device. */
  made(task: Task): void {
    const isLink = task.entry.kind === 'link';
    if (isLink) this.report.links++;
    else this.report.devices++;
    this.change(isLink ? 'link' : 'device', task);
  }

  deleted({ place }: TreeEntry): void {
    this.report.deleted++;
    this.#settings.onChange?.({ action: 'delete', path: showPlace(place), reason: 'extra' });
  }

  /** Writes the manifest; a failure is an error of the tree. */
  async writeManifest(): Promise<void> {
    // If the copy ended early, the manifest of an earlier copy says more.
    if (this.report.stopped) return;
    try {
      await this.manifest?.write();
    } catch (error) {
      this.error('', error);
    }
  }

  fallback(place: Place, fallback: CopyFallback): void {
    const { fallbacks } = this.report;
    const isKnown = fallbacks.some(
      ({ step, code }) => step === fallback.step && code === fallback.code,
    );
    if (!isKnown) fallbacks.push({ path: showPlace(place), ...fallback });
  }

  /** Notes metadata that the destination refused. */
  refused(task: Task, parts: string[]): void {
    if (parts.length === 0) return;
    this.report.metadataRefused.push({ path: showPlace(task.entry.place), parts });
    if (task.entry.names > 1) this.#refused.set(task, parts);
  }

  /** Returns metadata that was refused for the first name of a file. */
  refusedOf(first: Task): string[] {
    return this.#refused.get(first) ?? [];
  }

  /** Whether onChange has thrown this error, which then ends the copy. */
  isOfCaller(error: unknown): boolean {
    return this.#thrown !== undefined && this.#thrown.error === error;
  }

  change(action: TreeChange['action'], task: Task): void {
    const { onChange } = this.#settings;
    try {
      onChange?.({ action, path: showPlace(task.entry.place), reason: reasonOf(action, task) });
    } catch (error) {
      this.#thrown = { error };
      throw error;
    }
  }
}
