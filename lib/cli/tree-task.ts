import type { Command } from 'commander';
import { copyTree } from '../copy/tree/copy-tree.js';
import type { CopyTreeOptions } from '../copy/tree/copy-tree-options.js';
import type { CopyTreeReport } from '../copy/tree/copy-tree-report.js';
import { exitCode } from './exit-code.js';
import { bytesText, counted, rateText, secondsText } from './format.js';
import { errorObject, type Row } from './output.js';
import type { Context } from './run.js';
import { collect, parseCount, parseSeconds } from './values.js';

const concurrencyMax = 1024;

/** Options of commands that work on folders. */
export interface TreeFlags {
  include?: string[];
  exclude?: string[];
  concurrency?: number;
}

/** Options of commands that copy folders. */
export interface TreeCopyFlags extends TreeFlags {
  maxDelete?: number;
  checksum?: boolean;
  oneFileSystem?: boolean;
  modifyWindow?: number;
  dryRun?: boolean;
  verbose?: boolean;
  hardLinks: boolean;
}

export function addTreeOptions(command: Command): Command {
  return command
    .option('--include <glob>', 'folders: only matching paths; repeatable', collect)
    .option('--exclude <glob>', 'folders: no matching paths; repeatable', collect)
    .option(
      '--concurrency <n>',
      'folders: files at a time (default: 16; 1 with --rate-limit)',
      parseCount(concurrencyMax),
    );
}

export function addTreeCopyOptions(command: Command): Command {
  return addTreeOptions(command)
    .option('-n, --dry-run', 'folders: print each change and its reason; change nothing')
    .option('-v, --verbose', 'folders: print each change as it is made')
    .option('-c, --checksum', 'folders: also compare files whose size and time agree')
    .option('-x, --one-file-system', 'folders: leave other mounted file systems alone')
    .option(
      '--modify-window <seconds>',
      'folders: ignore differences of times up to this (default: as the file system)',
      parseSeconds,
    )
    .option('--no-hard-links', 'folders: copy each hard link as a file of its own');
}

/** Returns the options of copyTree() that were given, except those for each file. */
export function treeOptionsOf(flags: TreeCopyFlags) {
  const { include, exclude, concurrency, dryRun = false, verbose = false, hardLinks } = flags;
  const { maxDelete, checksum, oneFileSystem, modifyWindow } = flags;
  return {
    ...{ include, exclude, concurrency, dryRun, verbose, hardLinks },
    ...{ maxDelete, checksum, oneFileSystem, modifyWindow },
  };
}

/** Returns the given options that only copies of folders have. */
export function folderOptionsOf(flags: TreeCopyFlags): string[] {
  const { hardLinks, ...others } = treeOptionsOf(flags);
  const names = Object.entries(others)
    .filter(([, value]) => value !== undefined && value !== false)
    .map(([name]) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  return hardLinks ? names : [...names, '--no-hard-links'];
}

/** Copies a folder, and prints errors of single files as they occur. */
export async function runTree(
  command: string,
  paths: { source: string; destination: string },
  options: CopyTreeOptions & { dryRun: boolean; verbose: boolean },
  { output, signal }: Context,
): Promise<number> {
  const { source, destination } = paths;
  const { dryRun, verbose, ...more } = options;
  const done = await copyTree(source, destination, {
    ...more,
    dryRun,
    signal,
    onProgress: (progress) => output.progress({ ...progress, phase: command }),
    onError: (error, path) => output.error(error, path),
    ...(dryRun || verbose ? { onChange: (change) => output.change(change) } : {}),
  });
  const errors = done.errors.map(({ error, path }) => errorObject(error, path));
  output.result({ command, source, destination, dryRun, ...done, errors }, rowsOf(done, dryRun));
  if (done.stopped) return exitCode.failed;
  return errors.length === 0 ? exitCode.done : exitCode.incomplete;
}

function rowsOf(done: CopyTreeReport, dryRun: boolean): Row[] {
  const { durationMs, bytes } = done;
  const rate = rateText(bytes / Math.max(1e-3, durationMs / 1000));
  const speed = dryRun ? '' : ` in ${secondsText(durationMs)} (${rate})`;
  const links = [counted(done.links, 'link'), counted(done.hardLinks, 'hard link')].join(', ');
  const rows: Row[] = [
    [
      dryRun ? 'would copy' : 'copied',
      `${counted(done.files, 'file')}, ${bytesText(bytes)}${speed}`,
    ],
    ['made', `${counted(done.folders, 'folder')}, ${links}`],
    ['unchanged', counted(done.skipped, 'file')],
    ['deleted', String(done.deleted)],
  ];
  if (done.skipped > done.unchanged) {
    rows.push(['skipped', counted(done.skipped - done.unchanged, 'existing file')]);
  }
  if (done.deleteSkipped) rows.push(['not deleted', 'some entries, because of the errors']);
  if (done.changed.length > 0) {
    rows.push(['changed', `${counted(done.changed.length, 'file')} while being copied`]);
  }
  if (done.leftOut.length > 0) rows.push(['left out', counted(done.leftOut.length, 'socket')]);
  for (const { step, code, instead, path } of done.fallbacks) {
    rows.push(['refused', `${step} (${code}): ${instead}; first: ${path}`]);
  }
  if (done.stopped) rows.push(['stopped', 'an error ended it early']);
  const refused = done.metadataRefused;
  const parts = [...new Set(refused.flatMap((file) => file.parts))].join(', ');
  if (refused.length > 0) {
    rows.push(['not kept', `${parts} of ${counted(refused.length, 'entry', 'entries')}`]);
  }
  if (done.errors.length > 0) rows.push(['errors', String(done.errors.length)]);
  return rows;
}
