import { parseArgs } from 'node:util';
import { chunkDefaults } from '../copy/read-chunks.js';
import { reasonOf, UsageError } from './failure.js';

export interface Options {
  /** Undefined: make a sample file and copy that. */
  paths: { source: string; destination: string } | undefined;
  unbuffered: boolean;
  depth: number;
  chunkSize: number;
  sampleSize: number;
  compare: boolean;
  help: boolean;
}

const mebibyte = 1024 * 1024;
const depthMax = 1024;
const memoryMax = 1024 * mebibyte;
// No multiple of any sector size, so that the tail has to be padded and cut.
const sampleSizeDefault = 300 * mebibyte + 1234;

export const helpText = `Usage: npm start -- [options] <source> <destination>

Copies a file past the system's cache with several chunks in flight, hashes it on the way, reads the
destination back and compares SHA-256. Then copies it once more through node:fs streams to compare
the speed. The destination appears under its name, and replaces what had that name, only when it is
verified.

Without <source> and <destination> it makes a sample file of about 300 MiB, copies that, and removes
both.

Options:
  --buffered            copy through the cache, for file systems that refuse direct I/O
  --depth <n>           chunks in flight, 1 to ${depthMax} (default ${chunkDefaults.depth})
  --chunk-size <size>   bytes of a chunk, as 1M or 256K (default 1M)
  --sample-size <size>  bytes of the sample file, as 64M
  --no-compare          leave out the copy through node:fs
  -h, --help            show this

The environment variable OVERLAPPED_ENGINE (uring, iocp, threadpool) forces an engine.
Exit code: 0 copied and verified, 1 failed, 2 bad usage, 128 + signal interrupted.`;

/** Parses the command line. @throws UsageError */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parse(args);
  const [source, destination] = positionals;
  if (positionals.length === 1) throw new UsageError('the destination is missing');
  if (positionals.length > 2) throw new UsageError('more than a source and a destination');
  if (source === '' || destination === '') throw new UsageError('an empty path');
  const paths =
    source !== undefined && destination !== undefined ? { source, destination } : undefined;
  if (paths !== undefined && values['sample-size'] !== undefined) {
    throw new UsageError('--sample-size goes without a source and a destination');
  }
  const depth = parseDepth(values.depth);
  const chunkSize = parseSize('--chunk-size', values['chunk-size'], chunkDefaults.chunkSize);
  if (depth * chunkSize > memoryMax) {
    throw new UsageError(`--depth times --chunk-size is more than ${memoryMax / mebibyte} MiB`);
  }
  return {
    paths,
    unbuffered: !values.buffered,
    depth,
    chunkSize,
    sampleSize: parseSize('--sample-size', values['sample-size'], sampleSizeDefault),
    compare: !values['no-compare'],
    help: values.help,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        buffered: { type: 'boolean', default: false },
        depth: { type: 'string' },
        'chunk-size': { type: 'string' },
        'sample-size': { type: 'string' },
        'no-compare': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    // The first sentence names the option; the others explain how to pass a path that begins so.
    throw new UsageError(reasonOfUsage(error));
  }
}

function reasonOfUsage(error: unknown): string {
  const sentence = (error as Error).message.split(/\.\s|\.$/, 1)[0] as string;
  return sentence === '' ? reasonOf(error) : sentence;
}

function parseDepth(text: string | undefined): number {
  if (text === undefined) return chunkDefaults.depth;
  const depth = /^\d+$/.test(text) ? Number(text) : 0;
  if (depth < 1 || depth > depthMax) {
    throw new UsageError(`--depth must be a number from 1 to ${depthMax}, not '${text}'`);
  }
  return depth;
}

const units: Readonly<Record<string, number>> = { '': 1, K: 1024, M: mebibyte, G: 1024 * mebibyte };

function parseSize(name: string, text: string | undefined, sizeDefault: number): number {
  if (text === undefined) return sizeDefault;
  const match = /^(\d+)([KMG]?)(?:i?B)?$/i.exec(text);
  const size = match ? Number(match[1]) * (units[(match[2] ?? '').toUpperCase()] ?? 1) : 0;
  if (size < 1 || !Number.isSafeInteger(size)) {
    throw new UsageError(`${name} must be a size as 1M or 256K, not '${text}'`);
  }
  return size;
}
