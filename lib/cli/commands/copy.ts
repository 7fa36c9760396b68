import { type Command, Option } from 'commander';
import { type CopyOptions, copy } from '../../copy/copy.js';
import type { FileCopyOptions, FileCopyReport } from '../../copy/file-copy-options.js';
import { stat } from '../../functions/status.js';
import { addCopyOptions, type CopyFlags, copyOptionsOf } from '../copy-options.js';
import { exitCode } from '../exit-code.js';
import { codeOf, UsageError, withUnbufferedHint } from '../failure.js';
import { counted, grouped, rateText, secondsText } from '../format.js';
import { inWordsOfCommand } from '../message.js';
import type { OutputOptions, Row } from '../output.js';
import { pathOf } from '../path-arguments.js';
import type { Context, Start } from '../run.js';
import { destinationOf, hasReaderLeft, sourceOf, standardStream } from '../standard-streams.js';
import {
  addTreeCopyOptions,
  filterOptionsOf,
  folderOptionsOf,
  runTree,
  type TreeCopyFlags,
  treeOptionsOf,
} from '../tree-task.js';
import { parsePathArgument } from '../values.js';

interface Flags extends CopyFlags, TreeCopyFlags, OutputOptions, FileFlags {}

/** Options for the copy of a file that copies of folders lack. */
interface FileFlags {
  overwriteDevice?: boolean;
  update?: 'replace' | 'inplace';
  writeHardLinks?: boolean;
}

export function addCopy(program: Command, start: Start): Command {
  const command = program
    .command('copy')
    .summary('copy a file or a folder')
    .description(
      'Copies a file, or a folder with everything in it. Unchanged files in a folder are ' +
        'skipped, and nothing is deleted (mirror does). Files get their names when complete.',
    )
    .argument('<source>', 'a file, a folder, a device, or - for stdin', parsePathArgument)
    .argument('<destination>', 'the copy, name/ for its folder, - for stdout', parsePathArgument);
  addFileOptions(addCopyOptions(command));
  return addTreeCopyOptions(command).action((source: string, destination: string, flags: Flags) =>
    start({ ...flags, isPiped: destination === standardStream }, (context) =>
      copyEither({ source, destination }, flags, context),
    ),
  );
}

function addFileOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--update <how>', 'files: inplace writes only the blocks that differ').choices([
        'replace',
        'inplace',
      ]),
    )
    .option('--write-hard-links', 'files: with --update inplace, change all names of a file')
    .option('--overwrite-device', 'files: write to a block device whatever it holds');
}

function fileOptionsOf(flags: FileFlags): FileCopyOptions {
  const { overwriteDevice, update, writeHardLinks } = flags;
  return { overwriteDevice, update, writeHardLinks };
}

/** Returns the name of a given option that is for files only. */
function nameOfFileOption(flags: FileFlags): string | undefined {
  const given = Object.entries(fileOptionsOf(flags)).find(([, value]) => value !== undefined);
  return given?.[0].replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

interface Paths {
  source: string;
  destination: string;
}

async function copyEither(paths: Paths, flags: Flags, context: Context): Promise<number> {
  const options = copyOptionsOf(flags);
  const isStream = Object.values(paths).includes(standardStream);
  if (paths.source === standardStream && paths.destination === standardStream) {
    throw new UsageError('- cannot be both the source and the destination');
  }
  if (!isStream && (await stat(pathOf(paths.source))).isDirectory()) {
    const option = nameOfFileOption(flags);
    if (option !== undefined) {
      throw new UsageError(`--${option} works for files, and the source is a folder`);
    }
    const ofTree = { ...treeOptionsOf(flags), ...(await filterOptionsOf(flags)) };
    return runTree('copy', paths, { ...options, ...ofTree }, context);
  }
  checkFlagsOfFile(paths, flags);
  const { dryRun = false, verbose = false } = flags;
  const onChange: CopyOptions['onChange'] = (change) => context.output.change(change);
  const telling = dryRun || verbose ? { dryRun, onChange } : {};
  let done: FileCopyReport;
  try {
    done = await copyFile(paths, { ...options, ...fileOptionsOf(flags), ...telling }, context);
  } catch (error) {
    // The reader of the output wants no more.
    if (paths.destination === standardStream && hasReaderLeft(codeOf(error))) {
      return exitCode.outputClosed;
    }
    throw error;
  }
  const rows = dryRun ? rowsOfDryRun(done) : rowsOfCopy(done, flags.hash);
  context.output.result({ command: 'copy', ...paths, dryRun, ...done }, rows);
  return done.badSectors.length === 0 ? exitCode.done : exitCode.incomplete;
}

/** Refuses options that a copy of a file or a stream does not have. */
function checkFlagsOfFile({ source, destination }: Paths, flags: Flags): void {
  const [name] = folderOptionsOf(flags);
  const isFromStdin = source === standardStream;
  if (name !== undefined) {
    const what = isFromStdin ? 'stdin' : 'a file';
    throw new UsageError(`${name} works for folders, and the source is ${what}`);
  }
  if (!isFromStdin && destination !== standardStream) return;
  const option = flags.dryRun ? '--dry-run' : flags.verbose ? '--verbose' : undefined;
  if (option === undefined) return;
  const what = isFromStdin ? 'source is stdin' : 'destination is stdout';
  throw new UsageError(`${option} works for files and folders, and the ${what}`);
}

function rowsOfDryRun({ bytes, reason }: FileCopyReport): Row[] {
  return [
    ['would copy', `${grouped(bytes)} bytes`],
    ['reason', inWordsOfCommand(reason)],
  ];
}

/** Copies one file and shows its progress. */
export async function copyFile(
  { source, destination }: Paths,
  options: Omit<CopyOptions, 'recursive' | 'signal' | 'onProgress'>,
  { output, signal }: Context,
  hint = 'leave out --unbuffered',
): Promise<FileCopyReport> {
  return withUnbufferedHint(options.unbuffered === true, hint, () =>
    copy(sourceOf(source), destinationOf(destination), {
      ...options,
      recursive: false,
      signal,
      onProgress: (progress) => output.progress(progress),
    }),
  );
}

/** @param algorithm name of the hash */
export function rowsOfCopy(done: FileCopyReport, algorithm = 'sha256'): Row[] {
  const { bytes, dataBytes, durationMs, verified, hash, metadataRefused, interrupted } = done;
  const rate = rateText(bytes / Math.max(1e-3, durationMs / 1000));
  const rows: Row[] = [
    ['copied', `${grouped(bytes)} bytes in ${secondsText(durationMs)} (${rate})`],
    ['moved', `${grouped(dataBytes)} bytes read and written`],
    ['strategy', `${done.strategy}: ${inWordsOfCommand(done.reason)}`],
  ];
  if (interrupted !== undefined) {
    const place = grouped(interrupted.position);
    rows.push(['finished', `an earlier update in place, which had ended after ${place} bytes`]);
  }
  if (hash !== undefined) rows.push([algorithm, hash]);
  if (verified) rows.push(['verified', `${grouped(bytes)} bytes, read back and the same`]);
  if (done.verifiedFrom === 'cache') rows.push(['read from', 'the cache, not the disk']);
  if (done.changed) rows.push(['changed', 'the source was written to meanwhile']);
  for (const { step, code, instead } of done.fallbacks) {
    rows.push(['refused', `${step} (${code}): ${instead}`]);
  }
  if (done.retried > 0) rows.push(['retried', counted(done.retried, 'time')]);
  for (const { position, length } of done.badSectors) {
    rows.push(['bad sectors', `${grouped(length)} bytes at ${grouped(position)} are zeros`]);
  }
  if (metadataRefused.length > 0) rows.push(['not kept', metadataRefused.join(', ')]);
  rows.push(['engine', done.engine]);
  return rows;
}
