import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ProgressMeter } from '../copy/progress.js';
import { temporaryName } from '../copy/temporary-name.js';
import { Failure } from './failure.js';
import type { Context } from './run.js';

/**
 * Makes a verified copy through node:fs streams with their default settings, for comparison: copy
 * and hash, sync, read back and hash. The copy is removed.
 * @param sha256 expected value of both hashes
 * @returns the duration in milliseconds
 */
export async function copyWithNode(
  file: { source: string; destination: string; size: number },
  sha256: string,
  { output, signal }: Context,
): Promise<number> {
  const temporary = join(dirname(file.destination), temporaryName());
  const hashOnTheWay = (phase: string, reader: NodeJS.ReadableStream) => {
    const meter = new ProgressMeter(file.size);
    const hash = createHash('sha256');
    let bytesDone = 0;
    reader.on('data', (bytes: Buffer) => {
      hash.update(bytes);
      bytesDone += bytes.byteLength;
      output.progress({ phase, ...meter.at(bytesDone) });
    });
    return hash;
  };
  try {
    const started = performance.now();
    const reader = createReadStream(file.source);
    const written = hashOnTheWay('node:fs copy', reader);
    await pipeline(reader, createWriteStream(temporary, { flags: 'wx' }), { signal });
    await sync(temporary);
    const again = createReadStream(temporary, { signal });
    const readBack = hashOnTheWay('node:fs verify', again);
    for await (const _ of again);
    if (written.digest('hex') !== sha256 || readBack.digest('hex') !== sha256) {
      throw new Failure('the copy through node:fs differs; the source has changed since');
    }
    return performance.now() - started;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function sync(path: string | Buffer): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
