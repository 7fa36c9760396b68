import { createHash } from 'node:crypto';
import type { PathLike } from 'node:fs';
import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { removeIfThere, temporaryNameBeside } from '../copy/destination.js';
import type { CopyPlan } from './copy-plan.js';
import { Failure } from './failure.js';
import { withProgress } from './progress.js';

export interface NodeCopy {
  copySeconds: number;
  verifySeconds: number;
}

/**
 * The same job through node:fs streams with their default settings, for comparison: copy and hash,
 * sync, read back and hash. The copy is removed.
 * @param sha256 what both hashes must be
 */
export async function copyWithNode(
  plan: CopyPlan,
  sha256: string,
  signal: AbortSignal,
): Promise<NodeCopy> {
  const temporary = temporaryNameBeside(plan.destination);
  try {
    const started = performance.now();
    const written = await withProgress('node:fs copy', plan.size, async (onProgress) => {
      const reader = createReadStream(plan.source);
      const hash = hashOnTheWay(reader, onProgress);
      await pipeline(reader, createWriteStream(temporary, { flags: 'wx' }), { signal });
      await sync(temporary);
      return hash.digest('hex');
    });
    const copied = performance.now();
    const readBack = await withProgress('node:fs verify', plan.size, async (onProgress) => {
      const reader = createReadStream(temporary, { signal });
      const hash = hashOnTheWay(reader, onProgress);
      for await (const _ of reader);
      return hash.digest('hex');
    });
    if (written !== sha256 || readBack !== sha256) {
      throw new Failure('the copy through node:fs differs; the source has changed since');
    }
    return {
      copySeconds: (copied - started) / 1000,
      verifySeconds: (performance.now() - copied) / 1000,
    };
  } finally {
    await removeIfThere(temporary);
  }
}

function hashOnTheWay(
  reader: NodeJS.ReadableStream,
  onProgress: (bytesDone: number) => void,
): ReturnType<typeof createHash> {
  const hash = createHash('sha256');
  let bytesDone = 0;
  reader.on('data', (bytes: Buffer) => {
    hash.update(bytes);
    bytesDone += bytes.byteLength;
    onProgress(bytesDone);
  });
  return hash;
}

async function sync(path: PathLike): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
