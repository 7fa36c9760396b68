import type { Dirent } from 'node:fs';
import { nodeFs } from '../node/node-fs.js';

// Node does not document the constructor, but nothing else makes an instance of the class.
const NodeDirent = nodeFs.Dirent as unknown as new (
  name: string | Buffer,
  type: number,
  folder: string | Buffer,
) => Dirent<string | Buffer>;

const types = nodeFs.constants as unknown as Record<`UV_DIRENT_${string}`, number>;

/** The type of a folder. */
export const folderType = types.UV_DIRENT_DIR as number;

/** The type of names whose file system does not report types. */
export const unknownType = types.UV_DIRENT_UNKNOWN as number;

/** Objects that describe the kind of an entry: Stats, Dirents and others. */
export interface Kind {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
  isFIFO(): boolean;
  isSocket(): boolean;
  isCharacterDevice(): boolean;
  isBlockDevice(): boolean;
}

/** Returns a kind as one of fs.constants.UV_DIRENT_*. */
export function typeOfKind(kind: Kind): number {
  if (kind.isFile()) return types.UV_DIRENT_FILE as number;
  if (kind.isDirectory()) return types.UV_DIRENT_DIR as number;
  if (kind.isSymbolicLink()) return types.UV_DIRENT_LINK as number;
  if (kind.isFIFO()) return types.UV_DIRENT_FIFO as number;
  if (kind.isSocket()) return types.UV_DIRENT_SOCKET as number;
  if (kind.isCharacterDevice()) return types.UV_DIRENT_CHAR as number;
  return kind.isBlockDevice() ? (types.UV_DIRENT_BLOCK as number) : unknownType;
}

/** Makes one of Node's own Dirents. */
export function makeDirent(
  name: string | Buffer,
  type: number,
  folder: string | Buffer,
): Dirent<string | Buffer> {
  return new NodeDirent(name, type, folder);
}
