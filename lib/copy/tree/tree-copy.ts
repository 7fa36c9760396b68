import { constants } from 'node:os';
import { performance } from 'node:perf_hooks';
import { abortError, systemErrorOf } from '../../node/errors.js';
import type { PathLike } from '../../node/paths.js';
import { forEach } from '../for-each.js';
import type { CopiedFile } from './copy-small-file.js';
import { type CopyTreeOptions, parseTreeOptions, type TreeSettings } from './copy-tree-options.js';
import { differsInMetadata } from './tree-metadata.js';
import { FoldedNames, withPlacesOf } from './tree-names.js';
import { checkApart } from './tree-overlap.js';
import { isWithin, type NameTask, type Plan, planCopy, type Task } from './tree-plan.js';
import { depthOf, type Place, showPlace, TreeRoot } from './tree-root.js';
import { type SpecialKind, type Tree, type TreeEntry, walkTree } from './tree-walk.js';
import { TreeWriter } from './tree-writer.js';
import { UnsupportedFileError } from './unsupported-file-error.js';

/** Files of up to so many bytes are read in one operation and written in one. */
const smallFileMax = 256 * 1024;

const fatalCodes = new Set(['ENOSPC', 'EROFS']);
// libuv has no name for it, and so no code.
const quotaExceeded = -(constants.errno.EDQUOT ?? Number.NaN);

function isFatal(error: unknown): boolean {
  const { errno } = error as NodeJS.ErrnoException;
  return fatalCodes.has(codeOf(error) ?? '') || errno === quotaExceeded;
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** Groups of the same depth, in the order in which they come. */
function byDepth<T>(items: readonly T[], placeOf: (item: T) => Place): T[][] {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const depth = depthOf(placeOf(item));
    const group = groups.get(depth);
    if (group === undefined) groups.set(depth, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

const placeOfTask = ({ entry }: Task): Place => entry.place;

function bytesOf(tasks: readonly Task[]): number {
  return tasks.reduce((sum, { entry }) => sum + entry.size, 0);
}

/** The execution of a plan. */
class TreeCopy {
  readonly report = emptyReport();
  readonly #source: TreeRoot;
  readonly #settings: TreeSettings;
  readonly #plan: Plan;
  readonly #writer: TreeWriter;
  // Folders that could not be made: nothing is tried in them.
  readonly #failedFolders = new Set<Place>();
  readonly #failed = new Set<Task>();
  /** By the first name of a file. */
  readonly #refused = new Map<Task, string[]>();
  /** What may have one name with something else in the destination. */
  readonly #clashing: ReadonlySet<Place>;
  readonly #progress = { files: 0, totalFiles: 0, bytes: 0, totalBytes: 0 };

  constructor(
    source: TreeRoot,
    destination: TreeRoot,
    settings: TreeSettings,
    trees: { source: Tree; destination: Tree; clashing: ReadonlySet<Place> },
  ) {
    this.#source = source;
    this.#settings = settings;
    this.#clashing = trees.clashing;
    // What the source has and could not be read must not be taken for what it lacks.
    const mayDelete = settings.delete && trees.source.errors.length === 0;
    const rules = { hardLinks: settings.hardLinks, delete: mayDelete };
    this.#plan = planCopy(trees.source, trees.destination, rules);
    this.report.deleteSkipped = settings.delete && !mayDelete;
    this.#writer = new TreeWriter(source, destination, settings, mayDelete);
    for (const { place, error } of trees.source.errors) this.#note(place, error);
    for (const { place, error } of trees.destination.errors) this.#note(place, error);
  }

  /** Says what would be done. */
  rehearse(): void {
    const { folders, files, links, names, unchanged, obstacles, extra } = this.#plan;
    const { report } = this;
    const newFolders = folders.filter(({ there }) => there?.kind !== 'folder');
    report.folders = this.#possible(newFolders).length;
    const possibleFiles = this.#possible(files);
    report.files = possibleFiles.length;
    report.bytes = bytesOf(possibleFiles);
    report.links = this.#possible(links).length;
    report.hardLinks = this.#possible(names).length;
    report.skipped = unchanged.length;
    const all = files.length + links.length + names.length;
    const lacks = possibleFiles.length + report.links + report.hardLinks < all;
    if (this.#settings.delete && lacks) report.deleteSkipped = true;
    report.deleted = obstacles.length + (report.deleteSkipped ? 0 : extra.length);
    this.#noteSpecial();
  }

  #possible(tasks: readonly Task[]): Task[] {
    return tasks.filter((task) => {
      try {
        this.#writer.checkWay(task);
        return true;
      } catch (error) {
        this.#note(task.entry.place, error);
        return false;
      }
    });
  }

  async run(): Promise<void> {
    try {
      await this.#carryOut();
    } finally {
      await this.#writer.closeFolders((place, error) => this.#note(place, error));
    }
  }

  async #carryOut(): Promise<void> {
    const { folders, files, links, names, unchanged, leftOvers, extra } = this.#plan;
    this.#progress.totalFiles = files.length + names.length + unchanged.length;
    this.#progress.totalBytes = bytesOf(files);
    this.#noteSpecial();
    await this.#remove(leftOvers);
    for (const level of byDepth(folders, placeOfTask)) {
      await this.#each(level, (task) => this.#makeFolder(task));
    }
    await this.#eachFile(unchanged, (task) => this.#keep(task));
    await this.#eachFile(files, (task) => this.#copyFile(task));
    await this.#eachFile(names, (task) => this.#copyName(task));
    await this.#each(links, (task) => this.#copyLink(task));
    // What could not be copied may be there under another name that it had before.
    const lacks = [folders, files, names, links].flat().some((task) => this.#failed.has(task));
    if (this.#settings.delete && lacks) this.report.deleteSkipped = true;
    else this.report.deleted += await this.#remove(extra);
    for (const level of byDepth(folders, placeOfTask).reverse()) {
      await this.#each(level, (task) => this.#finishFolder(task));
    }
  }

  /** Works on tasks; what one fails with is noted, and only a fatal error or an abort ends all. */
  async #each<T extends Task>(
    tasks: readonly T[],
    work: (task: T) => Promise<void>,
  ): Promise<void> {
    const mayClash = ({ entry, there }: T): boolean =>
      there === undefined && this.#clashing.has(entry.place);
    const many = tasks.filter((task) => !mayClash(task));
    await forEach(many, this.#settings.concurrency, (task) => this.#do(task, work));
    // One after another, so that each sees what is there by then.
    await forEach(tasks.filter(mayClash), 1, (task) =>
      this.#do(task, async () => {
        await this.#checkName(task.entry);
        await work(task);
      }),
    );
  }

  async #do<T extends Task>(task: T, work: (task: T) => Promise<void>): Promise<void> {
    const { place } = task.entry;
    const { signal } = this.#settings;
    if (signal?.aborted) throw abortError(signal);
    if (this.report.stopped) return;
    if (isWithin(place, this.#failedFolders)) return void this.#failed.add(task);
    try {
      await work(task);
    } catch (error) {
      if (signal?.aborted) throw abortError(signal);
      this.#failed.add(task);
      this.#note(place, error);
    }
  }

  async #checkName({ place, kind }: TreeEntry): Promise<void> {
    try {
      await this.#writer.checkName(place);
    } catch (error) {
      if (kind === 'folder') this.#failedFolders.add(place);
      throw error;
    }
  }

  #eachFile<T extends Task>(tasks: readonly T[], work: (task: T) => Promise<void>): Promise<void> {
    return this.#each(tasks, async (task) => {
      try {
        await work(task);
      } finally {
        this.#advance(task.entry.place, 1, 0);
      }
    });
  }

  async #makeFolder(task: Task): Promise<void> {
    try {
      if (await this.#writer.makeFolder(task)) this.report.folders++;
    } catch (error) {
      const { place } = task.entry;
      this.#failedFolders.add(place);
      if (place === '') this.report.stopped = true;
      throw error;
    }
  }

  async #keep(task: Task): Promise<void> {
    this.report.skipped++;
    const { entry, there } = task;
    if (there === undefined || !differsInMetadata(entry, there, this.#settings.metadata)) return;
    this.#noteRefused(task, await this.#writer.keepMetadata(task));
  }

  async #copyFile(task: Task): Promise<void> {
    this.#writer.checkWay(task);
    const isSmall = task.entry.size <= smallFileMax && !this.#settings.eachByCopy;
    const { bytes, metadataRefused } = await this.#make(task, (made) =>
      isSmall ? this.#copySmall(made) : this.#copyLarge(made),
    );
    this.report.files++;
    this.report.bytes += bytes;
    this.#noteRefused(task, metadataRefused);
  }

  async #copySmall(task: Task): Promise<CopiedFile> {
    const copied = await this.#writer.writeSmallFile(task);
    this.#advance(task.entry.place, 0, copied.bytes);
    return copied;
  }

  #copyLarge(task: Task): Promise<CopiedFile> {
    const { place } = task.entry;
    let before = 0;
    return this.#writer.writeFile(task, (progress) => {
      if (progress.phase !== 'copy') return;
      this.#advance(place, 0, progress.bytes - before);
      before = progress.bytes;
    });
  }

  async #copyLink(task: Task): Promise<void> {
    this.#noteRefused(task, await this.#make(task, (made) => this.#writer.writeLink(made)));
    this.report.links++;
  }

  async #finishFolder(task: Task): Promise<void> {
    this.#noteRefused(task, await this.#writer.finishFolder(task));
  }

  async #copyName(task: NameTask): Promise<void> {
    // The content is not there under its first name, so that this one gets it.
    if (this.#failed.has(task.first)) return this.#copyFile(task);
    await this.#make(task, (made) => this.#writer.writeName({ ...task, ...made }));
    this.report.hardLinks++;
    this.#noteRefused(task, this.#refused.get(task.first) ?? []);
  }

  /** Makes something; a folder in its place goes only when that has been done. */
  async #make<T>(task: Task, make: (task: Task) => Promise<T>): Promise<T> {
    const { entry, there } = task;
    if (there?.kind !== 'folder') return make(task);
    this.#writer.checkWay(task);
    const made = { entry, there: undefined, as: this.#writer.temporaryBeside(entry.place) };
    const result = await make(made);
    try {
      await this.#removeObstacle(entry.place);
      await this.#writer.moveIn(made);
      return result;
    } catch (error) {
      await this.#writer.discard(made).catch(() => {});
      throw error;
    }
  }

  async #removeObstacle(place: Place): Promise<void> {
    const folder = new Set([place]);
    for (const entry of this.#plan.obstacles) {
      if (!isWithin(entry.place, folder)) continue;
      await this.#writer.remove(entry);
      this.report.deleted++;
    }
  }

  /** @param entries each before the folder that it is in @returns how many are gone */
  async #remove(entries: readonly TreeEntry[]): Promise<number> {
    let removed = 0;
    for (const level of byDepth(entries, ({ place }) => place)) {
      const tasks = level.map((entry) => ({ entry, there: entry }));
      await this.#each(tasks, async ({ entry }) => {
        await this.#writer.remove(entry);
        removed++;
      });
    }
    return removed;
  }

  #noteSpecial(): void {
    for (const { kind, place } of this.#plan.special) {
      this.#note(place, new UnsupportedFileError(kind as SpecialKind, this.#source.show(place)));
    }
  }

  #noteRefused(task: Task, parts: string[]): void {
    if (parts.length === 0) return;
    this.report.metadataRefused.push({ path: showPlace(task.entry.place), parts });
    if (task.entry.names > 1) this.#refused.set(task, parts);
  }

  #note(place: Place, error: unknown): void {
    const path = showPlace(place);
    this.report.errors.push({ path, error });
    if (isFatal(error)) this.report.stopped = true;
    this.#settings.onError?.(error, path);
  }

  #advance(place: Place, files: number, bytes: number): void {
    this.#progress.files += files;
    this.#progress.bytes += bytes;
    this.#settings.onProgress?.({ ...this.#progress, path: showPlace(place) });
  }
}

