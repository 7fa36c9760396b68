import { Buffer } from 'node:buffer';
import process, { cwd } from 'node:process';
import { Opcode } from './opcodes.js';

// A batch is submitted when the program's turn ends, and the system resolves a relative path only
// then. If the program has called process.chdir() in the meantime, the path is prefixed with the
// folder in which it was given. Otherwise paths stay relative: the folder may have been renamed, or
// a parent folder may deny access. On Windows all paths are absolute by then.

/** The opcodes with a path, except those whose paths are names of Windows. */
export const pathOpcodes = new Set<number>([
  Opcode.open,
  Opcode.statPath,
  Opcode.lstatPath,
  Opcode.accessPath,
  Opcode.readPath,
  Opcode.writePath,
  Opcode.listTree,
  Opcode.removeTree,
  Opcode.getAttributesPath,
  Opcode.setAttributesPath,
]);

const slash = 0x2f;

function isRelative(path: unknown): boolean {
  if (typeof path === 'string') return path.charCodeAt(0) !== slash;
  return ArrayBuffer.isView(path) && (path as Uint8Array)[0] !== slash;
}

/** Whether a request contains a relative path. */
export function hasRelativePath({ opcode, object }: { opcode: number; object?: unknown }): boolean {
  if (process.platform === 'win32' || !pathOpcodes.has(opcode)) return false;
  return isRelative(Array.isArray(object) ? object[0] : object);
}

// cwd() fails if the folder has been removed.
function workingFolder(): string | undefined {
  try {
    return cwd();
  } catch {
    return undefined;
  }
}

function pathIn(folder: string, path: string | Uint8Array): string | Uint8Array {
  const start = `${folder}/`;
  return typeof path === 'string' ? start + path : Buffer.concat([Buffer.from(start), path]);
}

function objectIn(folder: string, object: unknown): unknown {
  if (!Array.isArray(object)) return pathIn(folder, object as string | Uint8Array);
  const [path, ...others] = object;
  return [pathIn(folder, path), ...others];
}

/** The relative paths of a batch, and the folder in which they were given. */
export class RelativePaths {
  #folder: string | undefined;
  readonly #indexes: number[] = [];

  /** Whether the program has changed its folder since the first relative path. */
  get isElsewhere(): boolean {
    return this.#indexes.length > 0 && workingFolder() !== this.#folder;
  }

  /** @param index index of the path in the batch */
  add(index: number): void {
    if (this.#indexes.length === 0) this.#folder = workingFolder();
    this.#indexes.push(index);
  }

  /** Called with the paths of the batch when it is submitted. */
  settle(objects: unknown[]): void {
    if (this.#indexes.length === 0) return;
    if (this.#folder !== undefined && this.isElsewhere) {
      for (const index of this.#indexes) objects[index] = objectIn(this.#folder, objects[index]);
    }
    this.#indexes.length = 0;
  }
}
