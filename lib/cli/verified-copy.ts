import { createHash } from 'node:crypto';
import { open as openWithNode, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Alignment } from '../alignment.js';
import { copyFile } from '../copy/copy-file.js';
import { hashFile } from '../copy/hash-file.js';
import type { FileHandle } from '../file-handle.js';
import type { OpenOptions } from '../open-options.js';
import { open } from '../promises.js';
import type { CopyPlan } from './copy-plan.js';
import { codeOf, Failure, reasonOf } from './failure.js';
import { withProgress } from './progress.js';
import { removeIfThere, temporaryNameBeside } from './temporary-file.js';

export interface VerifiedCopy {
  bytes: number;
  /** Of the source as it was read, and of the destination as it was read back. */
  sha256: string;
  copySeconds: number;
  verifySeconds: number;
  sourceAlignment: Alignment | null;
  destinationAlignment: Alignment | null;
}

export interface CopySettings {
  unbuffered: boolean;
  depth: number;
  chunkSize: number;
  signal: AbortSignal;
}

/**
 * Copies a file under a temporary name, reads the copy back, and renames it once both have the same
 * SHA-256. Whatever goes wrong, the temporary file is gone and the destination is what it was.
 * @throws Failure; AbortError; SourceChangedError; system errors
 */
export async function copyVerified(plan: CopyPlan, settings: CopySettings): Promise<VerifiedCopy> {
  const temporary = temporaryNameBeside(plan.destination);
  try {
    const { written, ...result } = await copyTo(temporary, plan, settings);
    const readBack = await hashAgain(temporary, plan, settings);
    if (readBack.sha256 !== written) {
      throw new Failure(
        `verification failed: read ${written} from the source and ${readBack.sha256} from the copy`,
      );
    }
    settings.signal.throwIfAborted();
    await rename(temporary, plan.destination);
    await syncFolder(dirname(plan.destination));
    return { ...result, ...readBack };
  } finally {
    // After the rename there is nothing under this name any more.
    await removeIfThere(temporary);
  }
}

async function copyTo(temporary: string, plan: CopyPlan, settings: CopySettings) {
  const { unbuffered, signal } = settings;
  const shownDestination = plan.destination;
  await using source = await openFile(plan.source, 'r', { unbuffered, signal }, plan.source);
  await using destination = await openFile(
    temporary,
    'wx',
    { unbuffered, signal, mode: plan.mode, preallocate: plan.size },
    shownDestination,
  );
  const hash = createHash('sha256');
  const onChunk = (bytes: Buffer): void => void hash.update(bytes);
  const started = performance.now();
  const { bytesCopied } = await withProgress('copy', plan.size, (onProgress) =>
    copyFile(source, destination, { ...settings, onChunk, onProgress }),
  );
  return {
    bytes: bytesCopied,
    written: hash.digest('hex'),
    copySeconds: (performance.now() - started) / 1000,
    sourceAlignment: source.alignment,
    destinationAlignment: destination.alignment,
  };
}

async function hashAgain(temporary: string, plan: CopyPlan, settings: CopySettings) {
  const { unbuffered, signal } = settings;
  await using copy = await openFile(temporary, 'r', { unbuffered, signal }, plan.destination);
  const started = performance.now();
  const sha256 = await withProgress('verify', plan.size, (onProgress) =>
    hashFile(copy, { ...settings, onProgress }),
  );
  return { sha256, verifySeconds: (performance.now() - started) / 1000 };
}

async function openFile(
  path: string,
  flags: string,
  options: OpenOptions,
  shownPath: string,
): Promise<FileHandle> {
  try {
    return await open(path, flags, options);
  } catch (error) {
    const code = codeOf(error);
    if (options.unbuffered === true && (code === 'EINVAL' || code === 'EOPNOTSUPP')) {
      throw new Failure(
        `the file system of '${shownPath}' refuses direct I/O (${code}); ` +
          '--buffered copies through the cache',
        { cause: error },
      );
    }
    if (code === 'ABORT_ERR' || code === 'ENOSPC') throw error;
    const verb = flags === 'r' ? 'read' : 'create';
    throw new Failure(`cannot ${verb} '${shownPath}': ${reasonOf(error)}`, { cause: error });
  }
}

/** Makes a rename durable. Windows has no such thing for folders. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await openWithNode(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
