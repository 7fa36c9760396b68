import { type Command, InvalidArgumentError } from 'commander';
import { hashFile } from '../../copy/hash-file.js';
import { makeHash } from '../../copy/make-hash.js';
import { chunkDefaults } from '../../copy/read-chunks.js';
import { exitCode } from '../exit-code.js';
import { withUnbufferedHint } from '../failure.js';
import type { OutputOptions } from '../output.js';
import type { Start } from '../program.js';
import type { Context } from '../run.js';
import { parseDepth, parsePathArgument, parseSize } from '../values.js';

interface HashFlags extends OutputOptions {
  algorithm: string;
  unbuffered?: boolean;
  depth?: number;
  chunkSize?: number;
}

/** The name of a hash of node:crypto, of which there are several that only OpenSSL knows. */
export function parseAlgorithm(text: string): string {
  try {
    makeHash(text, 'algorithm');
    return text;
  } catch {
    throw new InvalidArgumentError(`There is no such hash; "sha256" and "blake2b512" are two.`);
  }
}

/** The options that say how a file is read, which several commands have. */
export function addWindowOptions(command: Command): Command {
  const { depth } = chunkDefaults;
  return command
    .option('-u, --unbuffered', "past the system's cache")
    .option('--depth <n>', `chunks in flight (default: ${depth})`, parseDepth)
    .option('--chunk-size <size>', 'bytes of a chunk (default: 1M)', parseSize);
}

export function addHash(program: Command, start: Start): Command {
  const command = program
    .command('hash')
    .summary('print hashes of files')
    .description('Prints the hash of files, as sha256sum and its kind do.')
    .argument('<files...>', 'files to read', parsePaths)
    .option('-a, --algorithm <name>', 'as node:crypto names it', parseAlgorithm, 'sha256');
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
  for (const file of files) {
    try {
      await hashOne(file, flags, context);
    } catch (error) {
      // One file that cannot be read says nothing about the next; a signal ends it all.
      if (context.signal.aborted || files.length === 1) throw error;
      context.output.error(error, file);
      failures++;
    }
  }
  if (failures === 0) return exitCode.done;
  return failures === files.length ? exitCode.failed : exitCode.incomplete;
}

async function hashOne(path: string, flags: HashFlags, context: Context): Promise<void> {
  const { algorithm, unbuffered = false, depth, chunkSize } = flags;
  const { output, signal } = context;
  const hash = await withUnbufferedHint(unbuffered, 'leave out --unbuffered', () =>
    hashFile(path, {
      ...{ algorithm, unbuffered, depth, chunkSize, signal },
      onProgress: (progress) => output.progress({ phase: 'hash', ...progress }),
    }),
  );
  output.result({ command: 'hash', path, algorithm, hash }, [`${hash}  ${path}`]);
}
