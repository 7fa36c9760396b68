import { randomFillSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from '../functions/open.js';
import { requireCore } from '../handle/core-of.js';
import { abortError } from '../node/errors.js';
import { allocAligned } from '../transfer/aligned-buffer.js';
import { alignUp } from '../transfer/alignment.js';
import { blockSizeOf, memoryAlignmentOf, writeChunk } from '../transfer/chunk-io.js';
import { Failure, refusesUnbuffered } from './failure.js';

export interface Sample {
  source: string;
  destination: string;
  remove(): Promise<void>;
}

const chunkSize = 1024 * 1024;

/**
 * Makes a sample file in a folder of its own, under the system's folder for temporary files or, if
 * that refuses direct I/O, under the current one.
 * @param size bytes
 */
export async function makeSample(
  size: number,
  options: { unbuffered: boolean; signal: AbortSignal },
): Promise<Sample> {
  const folder = await makeFolder(options.unbuffered);
  const source = join(folder, 'sample.bin');
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await writeSample(source, size, options);
  } catch (error) {
    await remove();
    throw error;
  }
  return { source, destination: join(folder, 'copy.bin'), remove };
}

async function makeFolder(unbuffered: boolean): Promise<string> {
  for (const parent of [tmpdir(), process.cwd()]) {
    const folder = await mkdtemp(join(parent, 'overlapped-sample-'));
    if (!unbuffered || (await takesDirectIo(folder))) return folder;
    await rm(folder, { recursive: true });
  }
  throw new Failure(
    `'${tmpdir()}' and '${process.cwd()}' refuse direct I/O; --buffered copies through the cache`,
  );
}

/** Whether files in a folder can be read and written past the cache. */
export async function takesDirectIo(folder: string): Promise<boolean> {
  try {
    const probe = await open(join(folder, 'probe'), 'w', { unbuffered: true, deleteOnClose: true });
    await probe.close();
    return true;
  } catch (error) {
    if (refusesUnbuffered(error)) return false;
    throw error;
  }
}

async function writeSample(
  path: string,
  size: number,
  options: { unbuffered: boolean; signal: AbortSignal },
): Promise<void> {
  const { unbuffered, signal } = options;
  await using file = await open(path, 'wx', { unbuffered, preallocate: size, signal });
  const core = requireCore(file, 'file');
  const block = blockSizeOf(core);
  const memory = allocAligned(chunkSize, { alignment: memoryAlignmentOf(core) });
  randomFillSync(memory);
  for (let position = 0; position < size; position += chunkSize) {
    if (signal.aborted) throw abortError(signal);
    stamp(memory, position);
    const length = Math.min(chunkSize, size - position);
    await writeChunk(core, memory, alignUp(length, block), position, signal);
  }
  await file.truncate(size);
  await file.sync();
}

// Filling the whole file with random bytes would take longer than the copy. With its position at
// its start every block is unique, and a block in the wrong place is noticed.
function stamp(memory: Buffer, position: number): void {
  for (let offset = 0; offset < memory.byteLength; offset += 512) {
    memory.writeDoubleLE(position + offset, offset);
  }
}
