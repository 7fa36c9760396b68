import type { Command } from 'commander';
import type { FileCopyReport } from '../../copy/file-copy-options.js';
import { chunkDefaults } from '../../copy/read-chunks.js';
import { open } from '../../functions/open.js';
import type { Alignment } from '../../transfer/alignment.js';
import { exitCode } from '../exit-code.js';
import { UsageError } from '../failure.js';
import { alignmentText, rateText } from '../format.js';
import { messageOf } from '../message.js';
import { copyWithNode } from '../node-copy.js';
import type { OutputOptions, Row } from '../output.js';
import type { Context, Start } from '../run.js';
import { makeSample } from '../sample.js';
import { parsePathArgument, parseSize } from '../values.js';
import { addQueueDepth, queueDepthOf, type WindowFlags } from '../window-options.js';
import { copyFile, rowsOfCopy } from './copy.js';

interface Flags extends OutputOptions, WindowFlags {
  buffered?: boolean;
  sampleSize?: number;
  compare: boolean;
}

interface Paths {
  source: string;
  destination: string;
}

const mebibyte = 1024 * 1024;
// Not a multiple of any sector size, so that the tail has to be padded and cut.
const sampleSizeDefault = 300 * mebibyte + 1234;
const memoryMax = 1024 * mebibyte;

export function addDemo(program: Command, start: Start): Command {
  const command = program
    .command('demo')
    .summary('a verified copy beside one by node:fs')
    .description(
      "Copies a file past the system's cache, reads the copy back and compares SHA-256; then " +
        'does so once more through node:fs streams to compare the speed. Without paths it makes ' +
        'a sample file of about 300 MiB, copies that, and removes both.',
    )
    .argument('[source]', 'a file', parsePathArgument)
    .argument('[destination]', 'the path of the copy', parsePathArgument)
    .option('--buffered', 'through the cache, for file systems that refuse direct I/O');
  return addQueueDepth(command)
    .option('--chunk-size <size>', 'bytes of a chunk (default: 1M)', parseSize)
    .option('--sample-size <size>', 'bytes of the sample file (default: about 300M)', parseSize)
    .option('--no-compare', 'leave out the copy through node:fs')
    .action((source: string | undefined, destination: string | undefined, flags: Flags) =>
      start(flags, (context) => runDemo(pathsOf(source, destination, flags), flags, context)),
    );
}

function pathsOf(
  source: string | undefined,
  destination: string | undefined,
  flags: Flags,
): Paths | undefined {
  const { chunkSize = chunkDefaults.chunkSize, sampleSize } = flags;
  if ((queueDepthOf(flags) ?? chunkDefaults.depth) * chunkSize > memoryMax) {
    throw new UsageError(
      `--queue-depth times --chunk-size is more than ${memoryMax / mebibyte} MiB`,
    );
  }
  if (source === undefined) return undefined;
  if (destination === undefined) throw new UsageError('the destination is missing');
  if (sampleSize !== undefined) {
    throw new UsageError('--sample-size cannot be combined with a source');
  }
  return { source, destination };
}

async function runDemo(paths: Paths | undefined, flags: Flags, context: Context): Promise<number> {
  if (paths !== undefined) return copyAndCompare(paths, flags, context);
  const { sampleSize = sampleSizeDefault, buffered = false } = flags;
  const { signal } = context;
  const sample = await makeSample(sampleSize, { unbuffered: !buffered, signal });
  try {
    return await copyAndCompare(sample, flags, context);
  } finally {
    await sample.remove();
  }
}

async function copyAndCompare(
  { source, destination }: Paths,
  flags: Flags,
  context: Context,
): Promise<number> {
  const { buffered = false, chunkSize, compare } = flags;
  const queueDepth = queueDepthOf(flags);
  const options = { unbuffered: !buffered, queueDepth, chunkSize, verify: true };
  const hint = '--buffered copies through the cache';
  const paths = { source, destination };
  const done = await copyFile(paths, { ...options, strategy: 'engine' }, context, hint);
  const alignment = {
    source: await alignmentOf(source, buffered),
    destination: await alignmentOf(destination, buffered),
  };
  const node = compare ? await tryNode(paths, done, context) : undefined;
  const nodeMs = typeof node === 'number' ? node : null;
  context.output.result({ command: 'demo', ...paths, ...done, alignment, nodeDurationMs: nodeMs }, [
    ['source', source],
    ['destination', destination],
    ...rowsOfCopy(done),
    ['alignment', textOfAlignments(alignment.source, alignment.destination)],
    ...rowsOfComparison(done, node, buffered),
  ]);
  return exitCode.done;
}

async function alignmentOf(path: string, buffered: boolean): Promise<Alignment | null> {
  await using handle = await open(path, 'r', { unbuffered: !buffered });
  return handle.alignment;
}

function textOfAlignments(source: Alignment | null, destination: Alignment | null): string {
  if (source === null || destination === null) return 'none: through the cache';
  const [from, to] = [alignmentText(source), alignmentText(destination)];
  return from === to ? from : `${from}; of the copy ${to}`;
}

/** Returns the milliseconds that node:fs took, or why it failed. */
async function tryNode(
  paths: Paths,
  done: FileCopyReport,
  context: Context,
): Promise<number | string> {
  try {
    return await copyWithNode({ ...paths, size: done.bytes }, done.hash ?? '', context);
  } catch (error) {
    // The copy exists and is verified; a missing comparison is no reason to fail.
    if (context.signal.aborted) throw error;
    return messageOf(error);
  }
}

function rowsOfComparison(
  { bytes, durationMs }: FileCopyReport,
  node: number | string | undefined,
  buffered: boolean,
): (Row | string)[] {
  if (node === undefined) return [];
  if (typeof node === 'string') return [['node:fs', node]];
  const rate = (milliseconds: number): string =>
    rateText(bytes / Math.max(1e-6, milliseconds / 1000));
  return [
    '',
    'copied, synced and read back:',
    ['overlapped', rate(durationMs)],
    ['node:fs', rate(node)],
    ['ratio', `${(node / durationMs).toFixed(2)}x`],
    'Both hash what they read.',
    buffered
      ? 'node:fs streams come second and find the source in the cache.'
      : 'overlapped reads back from the device, streams of node:fs from the cache.',
  ];
}
