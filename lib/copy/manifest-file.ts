import type { BigIntStats } from 'node:fs';
import process from 'node:process';
import { writeWholeFile } from '../file-handle/whole-file.js';
import { readFile } from '../functions/file-content.js';
import { lstat, stat } from '../functions/status.js';
import { systemError, systemErrorOf, withPath } from '../node/errors.js';
import { nodePromises } from '../node/node-fs.js';
import { showPath } from '../node/paths.js';
import { folderOf, openSpot, renameOver, syncFolder } from './destination.js';
import { FallbackLog, isMissing, isSystemError } from './fallbacks.js';
import { type ManifestEntry, parseManifest } from './manifest-format.js';
import type { SystemPath } from './spot.js';
import { makeUnfinished, unlinkIfThere } from './unfinished.js';

const readableByAll = 0o666;
const pieceLength = 256 * 1024;

/** Combines lines, so that few writes are made. */
function* piecesOf(lines: Iterable<string>): Generator<string> {
  let text = '';
  for (const line of lines) {
    text += line;
    if (text.length < pieceLength) continue;
    yield text;
    text = '';
  }
  yield text;
}

// Errors name the manifest, not its temporary name.
function explain(error: unknown, path: SystemPath): unknown {
  if (!isSystemError(error)) return error;
  const subject = { syscall: error.syscall ?? 'open', path: showPath(path.toString()) };
  return Object.assign(systemError(error.errno as number, subject), { cause: error });
}

/**
 * Writes a manifest under a temporary name, syncs it and renames it, replacing an earlier one.
 * @param lines with one character for each byte
 * @throws system errors; the earlier manifest stays then
 */
export async function writeManifest(path: SystemPath, lines: Iterable<string>): Promise<void> {
  const fallbacks = new FallbackLog();
  try {
    const spot = await openSpot(path);
    try {
      const { handle, name } = await makeUnfinished(spot.directory, {}, fallbacks);
      try {
        await writeWholeFile(handle, piecesOf(lines), { encoding: 'latin1' });
        if (process.platform !== 'win32') await handle.chmod(readableByAll & ~process.umask());
        await fallbacks.attempt('sync', isMissing, () => handle.sync());
        await renameOver(name, spot);
      } catch (error) {
        await unlinkIfThere(spot.directory, name).catch(() => {});
        throw error;
      } finally {
        await handle.close();
      }
      await syncFolder(spot.directory, fallbacks);
    } finally {
      await spot.directory.close();
    }
  } catch (error) {
    throw explain(error, path);
  }
}

/**
 * Refuses a manifest that could not be written, before anything is copied.
 * @throws ENOENT, …; EEXIST for a device, FIFO or socket
 */
export async function checkManifestPlace(path: SystemPath): Promise<void> {
  const folder = folderOf(path);
  const subject = { syscall: 'open', path: showPath(path.toString()) };
  let status: BigIntStats;
  try {
    status = await stat(folder, { bigint: true });
  } catch (error) {
    throw explain(error, path);
  }
  if (!status.isDirectory()) throw systemErrorOf('ENOTDIR', subject);
  const there = await stat(path, { bigint: true, throwIfNoEntry: false });
  if (there?.isDirectory()) throw systemErrorOf('EISDIR', subject);
  // /dev/null would be replaced by a file, and so would the link /dev/stdout.
  if (there !== undefined && (!there.isFile() || (await isDescriptor(path)))) {
    throw systemErrorOf('EEXIST', subject, 'a manifest does not replace a device, FIFO or socket');
  }
}

/** Whether a path leads to what a process has open, such as /dev/stdout. */
async function isDescriptor(path: SystemPath): Promise<boolean> {
  if (process.platform === 'win32' || !(await lstat(path)).isSymbolicLink()) return false;
  return /^\/(?:proc|dev\/fd)\//.test(await nodePromises.readlink(path));
}

/** Reads and parses a manifest. @throws ManifestError; system errors */
export async function readManifest(path: SystemPath): Promise<ManifestEntry[]> {
  const shown = showPath(path.toString());
  const content = await readFile(path).catch((error) => {
    throw withPath(error, shown);
  });
  return parseManifest(content, shown);
}
