import type { SystemError } from '../../node/errors.js';
import { fallbackOf } from '../fallbacks.js';
import type { TreeSettings } from './copy-tree-options.js';
import type { CopyTreeReport } from './copy-tree-report.js';
import { isDoubtful } from './damage.js';
import { tasksOf } from './fresh-files.js';
import { GroupCommit } from './group-commit.js';
import type { KeptXattrs } from './keep-xattrs.js';
import { isSameNode } from './make-node.js';
import { olderNames } from './older-names.js';
import { type ComparedTrees, planWithinLimit } from './plan-within-limit.js';
import { mayReplace, type ReplacementSettings } from './replacement-rules.js';
import { TaskRunner } from './task-runner.js';
import type { TreeActions } from './tree-actions.js';
import type { Tree } from './tree-collector.js';
import { deviceOf, type TreeEntry } from './tree-entry.js';
import { TreeFiles } from './tree-files.js';
import { differsInMetadata, isFolderLike } from './tree-metadata.js';
import { openAll, TreeObstacles } from './tree-obstacles.js';
import { folderOf, type Place } from './tree-place.js';
import { isUnchanged, type NameTask, type Plan, type Task } from './tree-plan.js';
import { TreeMeter } from './tree-progress.js';
import { TreeRehearsal } from './tree-rehearsal.js';
import { TreeReporter } from './tree-reporter.js';
import type { TreeRoot } from './tree-root.js';
import { byDepth, isAnother, isFirst, placeOfTask, totalsOf } from './tree-tasks.js';
import { type Mounts, TreeWriter } from './tree-writer.js';

/** Returns other file systems that are mounted in a tree. */
function mountsIn({ entries }: Tree): Mounts {
  const mounts = { folders: new Set<Place>(), points: [] as Place[] };
  const top = entries.get('');
  if (top === undefined) return mounts;
  for (const entry of entries.values()) {
    const { kind, place } = entry;
    if (kind !== 'folder' || deviceOf(entry) === deviceOf(top)) continue;
    mounts.folders.add(place);
    const parent = entries.get(folderOf(place)) ?? top;
    if (deviceOf(entry) !== deviceOf(parent)) mounts.points.push(place);
  }
  return mounts;
}

function actionsOf(
  source: TreeRoot,
  destination: TreeRoot,
  settings: TreeSettings,
  there: Tree,
): TreeActions {
  if (settings.dryRun) return new TreeRehearsal();
  return new TreeWriter(source, destination, settings, mountsIn(there));
}

const linkRefusals = ['EXDEV', 'EMLINK', 'EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'];

/** Whether a file cannot have another name there: see link(2). */
function isLinkRefusal(error: unknown): boolean {
  const { syscall, code = '' } = error as Partial<SystemError>;
  return syscall === 'linkat' && linkRefusals.includes(code);
}

/** Makes names, links and metadata durable. */
async function syncAll(actions: TreeActions, reporter: TreeReporter): Promise<void> {
  const { files, folders, links, hardLinks, deleted } = reporter.report;
  if (files + folders + links + hardLinks + deleted === 0) return;
  try {
    await actions.sync();
    await actions.syncOthers();
  } catch (error) {
    reporter.error('', error);
  }
}

/** Executes a plan, for real or as a dry run. */
export class TreeCopy {
  readonly #reporter: TreeReporter;
  readonly #source: TreeRoot;
  readonly #destination: TreeRoot;
  readonly #settings: TreeSettings;
  readonly #replacement: ReplacementSettings;
  readonly #plan: Plan;
  readonly #actions: TreeActions;
  readonly #obstacles: TreeObstacles;
  readonly #commit: GroupCommit;
  readonly #runner: TaskRunner;
  readonly #files: TreeFiles;
  readonly #failed = new Set<Task>();
  // Files that `force: false` protects: they may have other content than the source.
  readonly #skipped = new Set<Task>();
  // Folders in which something was made, replaced or removed, which changes their times.
  readonly #touched = new Set<Place>();
  readonly #trees: ComparedTrees;
  readonly #meter: TreeMeter;

  constructor(
    source: TreeRoot,
    destination: TreeRoot,
    settings: TreeSettings,
    trees: ComparedTrees,
  ) {
    this.#source = source;
    this.#destination = destination;
    this.#settings = settings;
    this.#reporter = new TreeReporter(settings);
    this.#trees = trees;
    this.#meter = new TreeMeter('copy', settings.onProgress);
    this.#plan = planWithinLimit(trees, settings, destination.shown, this.#reporter);
    const mayDelete = settings.delete && !this.report.deleteSkipped;
    this.#replacement = { ...settings, mayDelete };
    if (settings.delete && trees.source.errors.length > 0) this.report.deleteSkipped = true;
    this.#actions = actionsOf(source, destination, settings, trees.destination);
    this.#obstacles = new TreeObstacles(this.#plan.obstacles, this.#actions, this.#reporter);
    this.#actions.onFull(() => this.#commit.hurry());
    this.#commit = new GroupCommit(this.#actions, settings.concurrency, {
      onNamed: (task, copied) => this.#reporter.copied(task, copied),
      onFailed: (task, error) => {
        this.#failed.add(task);
        this.#reporter.error(task.entry.place, error);
      },
    });
    const parts = {
      ...{ actions: this.#actions, commit: this.#commit, meter: this.#meter },
      ...{ reporter: this.#reporter, obstacles: this.#obstacles, failed: this.#failed },
      clashing: trees.clashing,
    };
    this.#runner = new TaskRunner(parts, settings);
    const mayMake = (task: Task): boolean => this.#mayMake(task);
    const touch = (place: Place): void => this.#touch(place);
    const ofFiles = { ...parts, runner: this.#runner, mayMake, touch };
    this.#files = new TreeFiles(ofFiles, settings.concurrency);
    this.#reporter.all(trees.source.errors);
    this.#reporter.all(trees.destination.errors);
  }

  get report(): CopyTreeReport {
    return this.#reporter.report;
  }

  async run(): Promise<void> {
    try {
      await this.#carryOut();
    } finally {
      await this.#end();
    }
  }

  // A callback of the caller may throw in each step.
  async #end(): Promise<void> {
    try {
      // Complete files get their names even after an abort.
      await this.#commit.flush();
    } finally {
      await this.#actions.closeFolders((place, error) => this.#reporter.error(place, error));
    }
  }

  async #carryOut(): Promise<void> {
    const { folders, files, links, names, unchanged, leftOvers, extra } = this.#plan;
    const { same, fresh } = this.#trees;
    this.#meter.start(...totalsOf(this.#plan, this.#trees));
    this.#noteUnchanged(same);
    if (same > 0) this.#meter.advance('', same, 0);
    this.#reporter.special(this.#plan.special, this.#source);
    const tasks = leftOvers.map((entry) => ({ entry, there: entry }));
    await this.#runner.each(tasks, ({ entry }) => {
      this.#touch(entry.place);
      return this.#actions.removeLeftOver(entry);
    });
    for (const level of byDepth(folders, placeOfTask)) {
      await this.#runner.each(level, (task) => this.#makeFolder(task));
    }
    const damaged = await this.#examine(unchanged);
    await this.#runner.each(damaged.filter(isFirst), (task) => this.#files.copy(task));
    await this.#files.copyAll(files);
    for (const tasks of tasksOf(fresh)) await this.#files.copyAll(tasks);
    await this.#commit.flush();
    await this.#runner.each(damaged.filter(isAnother), (task) => this.#copyName(task));
    await this.#runner.eachFile(names, (task) => this.#copyName(task));
    await this.#commit.flush();
    await this.#runner.each(links, (task) => this.#copyLink(task));
    const kept = olderNames(extra, this.#failed, this.#trees.timeWindowNs);
    if (kept.size > 0) this.report.deleteSkipped = true;
    const superfluous = extra.filter(({ place }) => !kept.has(place));
    await openAll(superfluous, this.#actions);
    await this.#remove(superfluous);
    for (const level of byDepth(folders, placeOfTask).reverse()) {
      await this.#runner.each(level, (task) => this.#finishFolder(task));
    }
    await syncAll(this.#actions, this.#reporter);
    await this.#reporter.writeManifest();
  }

  /** Keeps the metadata of unchanged entries. @returns those whose bytes differ nevertheless */
  async #examine(unchanged: readonly Task[]): Promise<Task[]> {
    const damaged: Task[] = [];
    const roots = [this.#source, this.#destination] as const;
    const files = unchanged.filter((task) => task.entry.kind === 'file' && isFirst(task));
    const { keepAccess } = this.#settings.fileOptions;
    const alike = keepAccess ? new Set<Task>() : await this.#actions.alikeInXattrs(files);
    const look = async (task: Task): Promise<void> => {
      const { first } = task;
      const differs =
        first === undefined
          ? await isDoubtful(task, roots, this.#settings, this.#actions)
          : first.isDamaged === true;
      const isWithout = differs || first !== undefined || keepAccess === true || alike.has(task);
      const xattrs = isWithout ? undefined : await this.#actions.keepXattrs(task);
      if (!differs && !xattrs?.mustBeCopied) return this.#keep(task, xattrs);
      task.isDamaged = true;
      damaged.push(task);
    };
    await this.#runner.eachFile(unchanged.filter(isFirst), look);
    // Another name of a file has the content of the first one.
    await this.#runner.eachFile(unchanged.filter(isAnother), look);
    return damaged;
  }

  /** Whether a task may run; an entry that `force: false` protects counts as skipped. */
  #mayMake(task: Task): boolean {
    if (mayReplace(task, this.#destination, this.#replacement)) return true;
    this.report.skipped++;
    this.#skipped.add(task);
    return false;
  }

  async #makeFolder(task: Task): Promise<void> {
    const { place } = task.entry;
    try {
      const isThere = task.there?.kind === 'folder';
      if (!isThere) mayReplace(task, this.#destination, this.#replacement);
      if (!(await this.#actions.makeFolder(task))) return;
      this.#touch(place);
      this.report.folders++;
      this.#reporter.change('folder', task);
    } catch (error) {
      this.#runner.failedFolders.add(place);
      if (place === '') this.report.stopped = true;
      throw error;
    }
  }

  #noteUnchanged(count: number): void {
    this.report.skipped += count;
    this.report.unchanged += count;
  }

  /** Notes that the content of a folder changes. */
  #touch(place: Place): void {
    this.#touched.add(folderOf(place));
  }

  async #keep(task: Task, xattrs?: KeptXattrs): Promise<void> {
    await this.#reporter.manifest?.addUnchanged(task, this.#source, this.#settings);
    this.#noteUnchanged(1);
    const { entry, there } = task;
    const { metadata, fileOptions } = this.#settings;
    if (entry.kind === 'file' && fileOptions.keepAccess) return;
    const differs = there !== undefined && differsInMetadata(entry, there, metadata);
    const refused = differs ? await this.#actions.keepMetadata(task) : [];
    this.#reporter.refused(task, [...refused, ...(xattrs?.refused ?? [])]);
    if (differs || xattrs?.hasChanged) this.#reporter.change('metadata', task);
  }

  /** Copies a link, a FIFO or a device. */
  async #copyLink(task: Task): Promise<void> {
    if (await isSameNode(task, this.#source, this.#destination)) return this.#keep(task);
    if (!this.#mayMake(task)) return;
    this.#touch(task.entry.place);
    this.#reporter.refused(
      task,
      await this.#obstacles.replace(task, (made) => this.#actions.writeLink(made)),
    );
    this.#reporter.made(task);
  }

  async #finishFolder(task: Task): Promise<void> {
    const isTouched = this.#touched.has(task.entry.place);
    const window = this.#trees.timeWindowNs;
    if (!isTouched && isFolderLike(task, this.#settings.metadata, window)) return;
    this.#reporter.refused(task, await this.#actions.finishFolder(task));
  }

  async #copyName(task: NameTask): Promise<void> {
    // The first name may not have the content, so it is copied to this one.
    const { first } = task;
    if (this.#failed.has(first) || this.#skipped.has(first)) return this.#files.copy(task);
    if (!this.#mayMake(task)) return;
    this.#touch(task.entry.place);
    try {
      await this.#obstacles.replace(task, (made) => this.#actions.writeName({ ...task, ...made }));
    } catch (error) {
      if (!isLinkRefusal(error)) throw error;
      this.#reporter.fallback(task.entry.place, fallbackOf('link', error));
      return (await this.#isComplete(task)) ? this.#keep(task) : this.#files.copy(task);
    }
    this.#reporter.manifest?.addName(task);
    this.report.hardLinks++;
    this.#reporter.refused(task, this.#reporter.refusedOf(task.first));
    this.#reporter.change('hardLink', task);
  }

  /** Whether a name has a copy of its own that needs no work but its metadata. */
  async #isComplete(task: NameTask): Promise<boolean> {
    if (task.isDamaged || !isUnchanged(task, this.#trees)) return false;
    const roots = [this.#source, this.#destination] as const;
    return !(await isDoubtful(task, roots, this.#settings, this.#actions));
  }

  /** @param entries each before the folder that contains it */
  async #remove(entries: readonly TreeEntry[]): Promise<void> {
    for (const level of byDepth(entries, ({ place }) => place)) {
      const tasks = level.map((entry) => ({ entry, there: entry }));
      await this.#runner.each(tasks, async ({ entry }) => {
        this.#touch(entry.place);
        await this.#actions.remove(entry);
        this.#reporter.deleted(entry);
      });
    }
  }
}
