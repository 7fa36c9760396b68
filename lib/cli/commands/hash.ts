import process from 'node:process';
import { type Command, Option } from 'commander';
import { hashFile } from '../../copy/hash-file.js';
import { manifestLine } from '../../copy/manifest-format.js';
import { exitCode } from '../exit-code.js';
import { UsageError, withUnbufferedHint } from '../failure.js';
import type { OutputOptions } from '../output.js';
import { pathOf } from '../path-arguments.js';
import type { Context, Start } from '../run.js';
import { sourceOf, standardStream } from '../standard-streams.js';
import { parseAlgorithm, parsePathArgument } from '../values.js';
import {
  addWindowOptions,
  diskOptionsOf,
  queueDepthOf,
  type WindowFlags,
} from '../window-options.js';

const isWindows = process.platform === 'win32';

interface HashFlags extends OutputOptions, WindowFlags {
  hash?: string;
  algorithm?: string;
}

export function addHash(program: Command, start: Start): Command {
  const command = program
    .command('hash')
    .summary('print hashes of files')
    .description('Prints hashes of files in the format of sha256sum.')
    .argument('<files...>', 'files to read; - for stdin', parsePaths)
    .option('--hash <algorithm>', 'as node:crypto names it (default: sha256)', parseAlgorithm)
    .addOption(
      new Option('-a, --algorithm <name>', 'other name of --hash')
        .argParser(parseAlgorithm)
        .hideHelp(),
    );
  return addWindowOptions(command).action((files: string[], flags: HashFlags) =>
    start(flags, (context) => hashFiles(files, flags, context)),
  );
}

function parsePaths(text: string, before: readonly string[] = []): string[] {
  return [...before, parsePathArgument(text)];
}

async function hashFiles(
  files: readonly string[],
  flags: HashFlags,
  context: Context,
): Promise<number> {
  let failures = 0;
  if (files.filter((file) => file === standardStream).length > 1) {
    throw new UsageError('- can be read only once');
  }
  for (const file of files) {
    try {
      await hashOne(file, flags, context);
    } catch (error) {
      // A file that cannot be read says nothing about the next; a signal ends the command.
      if (context.signal.aborted || files.length === 1) throw error;
      context.output.error(error, file);
      failures++;
    }
  }
  if (failures === 0) return exitCode.done;
  return failures === files.length ? exitCode.failed : exitCode.incomplete;
}

/** Returns a path with one character for each byte. */
function latin1Of(path: string): string {
  const bytes = pathOf(path);
  return (typeof bytes === 'string' ? Buffer.from(bytes) : bytes).toString('latin1');
}

async function hashOne(path: string, flags: HashFlags, context: Context): Promise<void> {
  const { unbuffered = false, chunkSize } = flags;
  const algorithm = flags.hash ?? flags.algorithm ?? 'sha256';
  const queueDepth = queueDepthOf(flags);
  const { output, signal } = context;
  const hash = await withUnbufferedHint(unbuffered, 'leave out --unbuffered', () =>
    hashFile(sourceOf(path), {
      ...{ hash: algorithm, unbuffered, queueDepth, chunkSize, signal, ...diskOptionsOf(flags) },
      onProgress: (progress) => output.progress({ phase: 'hash', ...progress }),
    }),
  );
  // The backslashes of Windows stand between folders, and its tools read them as they are.
  const line = isWindows
    ? Buffer.from(`${hash}  ${path}\n`)
    : Buffer.from(manifestLine(hash, latin1Of(path)), 'latin1');
  output.data({ command: 'hash', path, algorithm, hash }, line);
}
