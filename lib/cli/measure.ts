import * as nodeFs from 'node:fs';
import * as nodePromises from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { forEach } from '../copy/for-each.js';
import { readFile, writeFile } from '../functions/file-content.js';
import { createReadStream, createWriteStream } from '../streams/file-streams.js';
import { counted } from './format.js';

/** A result for both libraries; rates are medians, and null if a run took longer than allowed. */
export interface Measurement {
  task: string;
  unit: 'bytes/s' | 'files/s';
  overlapped: number | null;
  node: number | null;
  /** How many times faster overlapped is than node:fs. */
  ratio: number | null;
}

interface Sizes {
  /** Maximum bytes of the large file. */
  size: number;
  /** Maximum number of small files. */
  files: number;
}

const peers = ['overlapped', 'node'] as const;
type Peer = (typeof peers)[number];

/** A task that either library can run. */
interface Task {
  name: string;
  unit: Measurement['unit'];
  /** Bytes or files of one run. */
  amount: number;
  run(peer: Peer, signal: AbortSignal): Promise<void>;
}

// The whole run should end within 20 s: the samples are limited to what the disk writes in their
// share, no task starts a round after its share, and a round that takes far too long is cut.
const sampleMsMax = 1_500;
const taskMsMax = 2_000;
const cutAfterMs = 4_000;
const roundsMax = 25;
const filesInFlight = 64;
const smallContent = Buffer.alloc(4096, 0x5a);
const chunk = Buffer.alloc(1024 * 1024, 0xa5);
const chunksPerSync = 16;

/**
 * Measures in a new folder below the given one, and removes it.
 * @param onMeasured called with each measurement as soon as it exists
 */
export async function measureFolder(
  parent: string,
  sizes: Sizes,
  signal: AbortSignal,
  onMeasured: (measurement: Measurement) => void,
): Promise<Measurement[]> {
  const folder = await nodePromises.mkdtemp(join(parent, 'overlapped-bench-'));
  try {
    const large = join(folder, 'large');
    const size = await makeLargeFile(large, sizes.size, signal);
    const small = await makeSmallFiles(folder, sizes.files, signal);
    const tasks = [...largeTasks(large, size), ...smallTasks(small)];
    const measured: Measurement[] = [];
    for (const task of tasks) {
      const measurement = await measure(task, signal);
      measured.push(measurement);
      onMeasured(measurement);
    }
    return measured;
  } finally {
    await nodePromises.rm(folder, { recursive: true, force: true });
  }
}

/** Writes to the disk until the file has its size or time is up. @returns its size in bytes */
async function makeLargeFile(path: string, size: number, signal: AbortSignal): Promise<number> {
  const end = performance.now() + sampleMsMax;
  const handle = await nodePromises.open(path, 'w');
  try {
    let written = 0;
    for (let chunks = 1; written < size; chunks++) {
      signal.throwIfAborted();
      const length = Math.min(chunk.byteLength, size - written);
      written += (await handle.write(chunk, 0, length)).bytesWritten;
      if (chunks % chunksPerSync !== 0) continue;
      await handle.datasync();
      if (performance.now() > end) break;
    }
    return written;
  } finally {
    await handle.close();
  }
}

/** Makes small files until the count is reached or time is up. @returns their paths */
async function makeSmallFiles(
  folder: string,
  count: number,
  signal: AbortSignal,
): Promise<string[]> {
  const end = performance.now() + sampleMsMax;
  const made: string[] = [];
  while (made.length < count && (made.length === 0 || performance.now() < end)) {
    signal.throwIfAborted();
    const batch = Array.from({ length: Math.min(filesInFlight, count - made.length) }, (_, i) =>
      join(folder, `small-${made.length + i}`),
    );
    await Promise.all(batch.map((path) => nodePromises.writeFile(path, smallContent)));
    made.push(...batch);
  }
  return made;
}

function* chunksOf(size: number): Generator<Buffer> {
  for (let rest = size; rest > 0; rest -= chunk.byteLength) {
    yield chunk.subarray(0, Math.min(rest, chunk.byteLength));
  }
}

/** Tasks for the streams of each library, with default options. The file exists and is cached. */
function largeTasks(path: string, size: number): Task[] {
  const isNode = (peer: Peer): boolean => peer === 'node';
  const read = async (peer: Peer, signal: AbortSignal): Promise<void> => {
    const reader = isNode(peer) ? nodeFs.createReadStream(path) : createReadStream(path);
    let bytes = 0;
    await pipeline(
      reader,
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const { byteLength } of chunks) bytes += byteLength;
      },
      { signal },
    );
    if (bytes !== size) throw new Error(`read ${bytes} of ${size} bytes of '${path}'`);
  };
  const write = async (peer: Peer, signal: AbortSignal): Promise<void> => {
    const options = { flush: true };
    const writer = isNode(peer)
      ? nodeFs.createWriteStream(path, options)
      : createWriteStream(path, options);
    await pipeline(chunksOf(size), writer, { signal });
  };
  return [
    { name: 'read a file, cached', unit: 'bytes/s', amount: size, run: read },
    { name: 'write and sync a file', unit: 'bytes/s', amount: size, run: write },
  ];
}

/** Tasks for the promise functions of each library, many at a time. The files exist. */
function smallTasks(paths: readonly string[]): Task[] {
  const count = paths.length;
  const write = (peer: Peer, signal: AbortSignal): Promise<void> => {
    const call = peer === 'node' ? nodePromises.writeFile : writeFile;
    return forEach(paths, filesInFlight, (path) => {
      signal.throwIfAborted();
      return call(path, smallContent);
    });
  };
  const read = (peer: Peer, signal: AbortSignal): Promise<void> => {
    const call = peer === 'node' ? nodePromises.readFile : readFile;
    return forEach(paths, filesInFlight, async (path) => {
      signal.throwIfAborted();
      const { byteLength } = await call(path);
      if (byteLength !== smallContent.byteLength) throw new Error(`${path}: ${byteLength} bytes`);
    });
  };
  const named = counted(count, 'small file');
  return [
    { name: `write ${named}`, unit: 'files/s', amount: count, run: write },
    { name: `read ${named}`, unit: 'files/s', amount: count, run: read },
  ];
}

/** Runs rounds in turns, so that outside changes affect both libraries. */
async function measure(task: Task, signal: AbortSignal): Promise<Measurement> {
  const { name, unit, amount, run } = task;
  const started = performance.now();
  const cut = AbortSignal.timeout(cutAfterMs);
  const either = AbortSignal.any([signal, cut]);
  const rates: Record<Peer, number[]> = { overlapped: [], node: [] };
  try {
    for (let round = 0; round < roundsMax; round++) {
      for (const peer of round % 2 === 0 ? peers : peers.toReversed()) {
        const begun = performance.now();
        await run(peer, either);
        rates[peer].push((amount * 1000) / (performance.now() - begun));
      }
      signal.throwIfAborted();
      if (performance.now() - started > taskMsMax) break;
    }
  } catch (error) {
    // The rounds measured so far count.
    if (signal.aborted || !cut.aborted) throw error;
  }
  const [overlapped, node] = [medianOf(rates.overlapped), medianOf(rates.node)];
  const ratio = overlapped === null || node === null ? null : overlapped / node;
  return { task: name, unit, overlapped, node, ratio };
}

function medianOf(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
}
