import { Buffer } from 'node:buffer';
import type { BigIntStats } from 'node:fs';
import type { CoreHandle } from '../handle/core-handle.js';
import { openCore } from '../handle/open.js';
import { abortError, afterMoving, type SystemError, systemErrorOf } from '../node/errors.js';
import { nodeFs, nodePromises } from '../node/node-fs.js';
import { ownOptions } from '../node/own-options.js';
import { type PathLike, parsePath } from '../node/paths.js';
import { validateInteger, validateSignal } from '../node/validate.js';
import { readChunk, writeChunk } from '../transfer/chunk-io.js';

const { COPYFILE_EXCL, COPYFILE_FICLONE, COPYFILE_FICLONE_FORCE, O_CREAT, O_EXCL, O_WRONLY } =
  nodeFs.constants;

/** Options of copyFile(). */
export interface CopyFileOptions {
  /** fs.constants.COPYFILE_*. Default 0. */
  mode?: number | undefined;
  /** Aborts the copy; the destination is then removed. */
  signal?: AbortSignal | undefined;
}

/**
 * Copies a file. The previous content of the destination is lost, even if the copy fails.
 * @param modeOrOptions fs.constants.COPYFILE_* (default 0), or options
 * @throws a system error (ENOENT, EACCES, EEXIST with COPYFILE_EXCL, …); AbortError
 * @example
 * await copyFile('a.bin', 'b.bin', { signal: AbortSignal.timeout(10_000) });
 */
export async function copyFile(
  source: PathLike,
  destination: PathLike,
  modeOrOptions?: number | CopyFileOptions,
): Promise<void> {
  const { mode, signal } =
    typeof modeOrOptions === 'object' && modeOrOptions !== null
      ? ownOptions(modeOrOptions)
      : { mode: modeOrOptions, signal: undefined };
  validateSignal(signal);
  if (signal === undefined) return nodePromises.copyFile(source, destination, mode);
  const from = parsePath(source, 'src').shown;
  const to = parsePath(destination, 'dest').shown;
  validateInteger(mode ?? 0, 'mode', 0, COPYFILE_EXCL | COPYFILE_FICLONE | COPYFILE_FICLONE_FORCE);
  if (signal.aborted) throw abortError(signal);
  if (await isCloned(source, destination, mode ?? 0)) return;
  try {
    await copyInParts(source, destination, mode ?? 0, signal);
  } catch (error) {
    throw asCopyError(error, from, to);
  }
}

// Cloning takes too little time for an abort to matter.
async function isCloned(source: PathLike, destination: PathLike, mode: number): Promise<boolean> {
  if ((mode & (COPYFILE_FICLONE | COPYFILE_FICLONE_FORCE)) === 0) return false;
  try {
    const cloneMode = (mode & COPYFILE_EXCL) | COPYFILE_FICLONE_FORCE;
    await nodePromises.copyFile(source, destination, cloneMode);
    return true;
  } catch (error) {
    if ((mode & COPYFILE_FICLONE_FORCE) !== 0) throw error;
    return false;
  }
}

async function copyInParts(
  source: PathLike,
  destination: PathLike,
  mode: number,
  signal: AbortSignal,
): Promise<void> {
  const reader = await openCore(source, 'r', { signal });
  try {
    const before = await reader.stat({ bigint: true, signal });
    if (before.isDirectory()) throw systemErrorOf('EISDIR', { syscall: 'copyfile' });
    const flags = O_WRONLY | O_CREAT | ((mode & COPYFILE_EXCL) !== 0 ? O_EXCL : 0);
    const permissions = Number(before.mode) & 0o7777;
    // Without the signal, because a canceled open does not tell whether it created the file.
    const writer = await openCore(destination, flags, { mode: permissions });
    await fillDestination(reader, before, { writer, destination, permissions, signal });
  } finally {
    await reader.close();
  }
}

interface Destination {
  writer: CoreHandle;
  destination: PathLike;
  permissions: number;
  signal: AbortSignal;
}

async function fillDestination(
  reader: CoreHandle,
  before: BigIntStats,
  { writer, destination, permissions, signal }: Destination,
): Promise<void> {
  try {
    const there = await writer.stat({ bigint: true });
    if (there.dev === before.dev && there.ino === before.ino) return;
    await writer.truncate();
    await writer.chmod(permissions);
    await copyContent(reader, writer, signal);
  } catch (error) {
    await writer.close();
    // As after a failed copyfile(), no partial file is left behind.
    await nodePromises.unlink(destination).catch(() => {});
    throw afterMoving(error);
  } finally {
    await writer.close();
  }
}

const partSize = 1024 * 1024;

async function copyContent(
  reader: CoreHandle,
  writer: CoreHandle,
  signal: AbortSignal,
): Promise<void> {
  const memory = Buffer.allocUnsafeSlow(partSize);
  for (let position = 0; ; position += partSize) {
    if (signal.aborted) throw abortError(signal);
    const bytes = await readChunk(reader, memory, partSize, position, signal);
    await writeChunk(writer, memory, bytes, position, signal);
    if (bytes < partSize) return;
  }
}

function asCopyError(error: unknown, path: string, dest: string): unknown {
  const { code, errno } = error as Partial<SystemError>;
  if (typeof errno !== 'number' || code === undefined) return error;
  return systemErrorOf(code, { syscall: 'copyfile', path, dest });
}
