import type { Command } from 'commander';
import { copyTree } from '../copy/tree/copy-tree.js';
import type { CopyTreeOptions } from '../copy/tree/copy-tree-options.js';
import type { CopyTreeReport } from '../copy/tree/copy-tree-report.js';
import { namesInList, patternsInList } from '../copy/tree/name-lists.js';
import { exitCode } from './exit-code.js';
import { UsageError } from './failure.js';
import { bytesText, counted, rateText, secondsText } from './format.js';
import { errorObject, type Row } from './output.js';
import { pathOf, pathOfOption } from './path-arguments.js';
import type { Context } from './run.js';
import { standardStream } from './standard-streams.js';
import { collect, parseCount, parseSeconds } from './values.js';

const concurrencyMax = 1024;

/** Options of commands that work on folders. */
export interface TreeFlags {
  include?: string[];
  exclude?: string[];
  filesFrom?: string;
  excludeFrom?: string;
  concurrency?: number;
}

/** Options of commands that copy folders. */
export interface TreeCopyFlags extends TreeFlags {
  maxDelete?: number;
  checksum?: boolean;
  oneFileSystem?: boolean;
  modifyWindow?: number;
  devices?: boolean;
  dryRun?: boolean;
  verbose?: boolean;
  hardLinks: boolean;
}

export function addTreeOptions(command: Command): Command {
  return command
    .option('--include <glob>', 'folders: only matching paths; repeatable', collect)
    .option('--exclude <glob>', 'folders: no matching paths; repeatable', collect)
    .option('--files-from <file>', 'folders: only paths in this list; - for stdin')
    .option('--exclude-from <file>', 'folders: no paths that match its lines; - for stdin')
    .option(
      '--concurrency <n>',
      'folders: files at a time (default: 16; 1 with --rate-limit)',
      parseCount(concurrencyMax),
    );
}

export function addTreeCopyOptions(command: Command): Command {
  return addTreeOptions(command)
    .option('-n, --dry-run', 'print each change and its reason; change nothing')
    .option('-v, --verbose', 'print each change as it is made')
    .option('-c, --checksum', 'folders: also compare files whose size and time agree')
    .option('-x, --one-file-system', 'folders: leave other mounted file systems alone')
    .option(
      '--modify-window <seconds>',
      'folders: ignore differences of times up to this (default: as the file system)',
      parseSeconds,
    )
    .option('--devices', 'folders: also copy devices and FIFOs (for devices as root)')
    .option('--no-hard-links', 'folders: copy each hard link as a file of its own');
}

async function readStdin(): Promise<Buffer> {
  return Buffer.concat(await process.stdin.toArray());
}

/** Returns the options for choosing entries of folders, with a list that comes from stdin. */
export async function filterOptionsOf({ include, exclude, filesFrom, excludeFrom }: TreeFlags) {
  if (filesFrom === standardStream && excludeFrom === standardStream) {
    throw new UsageError('only one list can be read from -');
  }
  if (excludeFrom === standardStream) {
    const patterns = patternsInList(await readStdin());
    const list = pathOfOption(filesFrom);
    return { include, exclude: [...(exclude ?? []), ...patterns], filesFrom: list };
  }
  const isFromStdin = filesFrom === standardStream;
  const names = isFromStdin ? namesInList(await readStdin()) : pathOfOption(filesFrom);
  return { include, exclude, filesFrom: names, excludeFrom: pathOfOption(excludeFrom) };
}

/** Returns the options of copyTree() that were given, except those for each file and filters. */
export function treeOptionsOf(flags: TreeCopyFlags) {
  const { concurrency, dryRun = false, verbose = false, hardLinks } = flags;
  const { maxDelete, checksum, oneFileSystem, modifyWindow, devices } = flags;
  return {
    ...{ concurrency, dryRun, verbose, hardLinks },
    ...{ maxDelete, checksum, oneFileSystem, modifyWindow, devices },
  };
}

/** Returns the given options that only copies of folders have. */
export function folderOptionsOf(flags: TreeCopyFlags): string[] {
  const { include, exclude, filesFrom, excludeFrom } = flags;
  const { hardLinks, dryRun: _, verbose: __, ...options } = treeOptionsOf(flags);
  const others = { include, exclude, filesFrom, excludeFrom, ...options };
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
  if (more.hash !== undefined && more.manifest === undefined) {
    throw new UsageError('--hash requires --manifest if the source is a folder');
  }
  const done = await copyTree(pathOf(source), pathOf(destination), {
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
  const isWhole = errors.length === 0 && done.badSectors.length === 0;
  return isWhole ? exitCode.done : exitCode.incomplete;
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
    [dryRun ? 'would make' : 'made', `${counted(done.folders, 'folder')}, ${links}`],
    ['unchanged', counted(done.skipped, 'file')],
    [dryRun ? 'would delete' : 'deleted', String(done.deleted)],
  ];
  if (done.skipped > done.unchanged) {
    rows.push(['skipped', counted(done.skipped - done.unchanged, 'existing file')]);
  }
  if (done.deleteSkipped) {
    const name = dryRun ? 'would keep' : 'not deleted';
    rows.push([name, 'some entries, because of the errors']);
  }
  if (done.changed.length > 0) {
    rows.push(['changed', `${counted(done.changed.length, 'file')} while being copied`]);
  }
  if (done.devices > 0)
    rows.push(['devices', counted(done.devices, 'device or FIFO', 'devices and FIFOs')]);
  if (done.leftOut.length > 0) rows.push(['left out', counted(done.leftOut.length, 'socket')]);
  for (const { step, code, instead, path } of done.fallbacks) {
    rows.push(['refused', `${step} (${code}): ${instead}; first: ${path}`]);
  }
  if (done.retried > 0) rows.push(['retried', counted(done.retried, 'time')]);
  for (const { path, ranges } of done.badSectors) {
    const bytes = ranges.reduce((sum, { length }) => sum + length, 0);
    rows.push(['bad sectors', `${bytesText(bytes)} of ${path} are zeros`]);
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
