import type { Command } from 'commander';
import { type CopyTreeReport, copyTree } from '../copy/tree/copy-tree.js';
import type { CopyTreeOptions } from '../copy/tree/copy-tree-options.js';
import { exitCode } from './exit-code.js';
import { bytesText, counted, rateText, secondsText } from './format.js';
import { errorObject, type Row } from './output.js';
import type { ProgressReport } from './progress.js';
import type { Context } from './run.js';
import { collect, parseCount } from './values.js';

const concurrencyMax = 1024;

/** The options of commands that work on folders. */
export interface TreeFlags {
  include?: string[];
  exclude?: string[];
  concurrency?: number;
}

export function addTreeOptions(command: Command): Command {
  return command
    .option('--include <glob>', 'only what matches, below the source; repeat it for more', collect)
    .option('--exclude <glob>', 'not what matches; repeat it for more', collect)
    .option(
      '--concurrency <n>',
      'files at a time (default: 16, with --rate-limit 1)',
      parseCount(concurrencyMax),
    );
}

interface TreeProgress {
  files: number;
  totalFiles: number;
  bytes: number;
  totalBytes: number;
}

/** Makes reports of how far a tree is: the rate and what is left come of the time since now. */
export function treeReporter(phase: string): (progress: TreeProgress) => ProgressReport {
  const started = performance.now();
  return ({ files, totalFiles, bytes, totalBytes }) => {
    const seconds = Math.max(1e-3, (performance.now() - started) / 1000);
    const bytesPerSecond = bytes / seconds;
    const left = Math.max(0, totalBytes - bytes);
    const secondsLeft = left === 0 ? 0 : left / bytesPerSecond;
    return { phase, bytes, total: totalBytes, bytesPerSecond, secondsLeft, files, totalFiles };
  };
}

/** Copies a folder; errors of single files are shown as they come. */
export async function runTree(
  command: string,
  paths: { source: string; destination: string },
  options: CopyTreeOptions,
  { output, signal }: Context,
): Promise<number> {
  const { source, destination } = paths;
  const report = treeReporter(command);
  const done = await copyTree(source, destination, {
    ...options,
    signal,
    onProgress: (progress) => output.progress(report(progress)),
    onError: (error, path) => output.error(error, path),
  });
  const errors = done.errors.map(({ error, path }) => errorObject(error, path));
  const dryRun = options.dryRun === true;
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
  if (done.deleteSkipped) rows.push(['not deleted', 'a part of the source could not be copied']);
  if (done.stopped) rows.push(['stopped', 'an error ended it early']);
  const refused = done.metadataRefused;
  const parts = [...new Set(refused.flatMap((file) => file.parts))].join(', ');
  if (refused.length > 0) {
    rows.push(['not kept', `${parts} of ${counted(refused.length, 'entry', 'entries')}`]);
  }
  if (done.errors.length > 0) rows.push(['errors', String(done.errors.length)]);
  return rows;
}
