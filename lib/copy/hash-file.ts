import { createHash } from 'node:crypto';
import type { FileHandle } from '../file-handle.js';
import { type ChunkOptions, readChunks } from './read-chunks.js';

export interface HashOptions extends Omit<ChunkOptions, 'onChunk'> {
  /** As crypto.createHash() names it. Default 'sha256'. */
  algorithm?: string | undefined;
}

/**
 * Hash of all of a file, read at explicit positions with `depth` chunks in flight. On an unbuffered
 * handle the bytes come from the device, not from the system's cache.
 * @returns the digest in hexadecimal
 * @throws SourceChangedError when the file is cut meanwhile; AbortError; system errors
 */
export async function hashFile(handle: FileHandle, options: HashOptions = {}): Promise<string> {
  const { algorithm = 'sha256', ...chunkOptions } = options;
  const hash = createHash(algorithm);
  const { size } = await handle.stat();
  const onChunk = (bytes: Buffer): void => void hash.update(bytes);
  await readChunks(handle, size, { ...chunkOptions, onChunk });
  return hash.digest('hex');
}
