import * as path from 'node:path';
import * as fc from 'fast-check';
import { isWindows, randomBytes } from '../helpers.js';
import type { LooseFs, LooseHandle } from './case.js';

/** One call, as data that fast-check can generate, shrink and print. */
export type Operation =
  | { on: 'handle'; slot: number; call: HandleCall }
  | { on: 'path'; call: PathCall };

interface Piece {
  size: number;
  seed: number;
}
type Position = number | null;

type HandleCall =
  | { name: 'open'; place: string; flags: string }
  | { name: 'close' | 'readFile' | 'stat' | 'sync' }
  | { name: 'read'; size: number; position: Position }
  | { name: 'readv'; sizes: number[]; position: Position }
  | { name: 'write' | 'writeFile' | 'appendFile'; piece: Piece; position: Position }
  | { name: 'writev'; pieces: Piece[]; position: Position }
  | { name: 'truncate'; size: number };

type PathCall =
  | { name: 'readFile' | 'stat' | 'lstat' | 'unlink' | 'rmdir' | 'readlink'; place: string }
  | { name: 'writeFile' | 'appendFile'; place: string; piece: Piece; flag: string }
  | { name: 'rename' | 'link' | 'symlink' | 'copyFile'; place: string; other: string }
  | { name: 'mkdir' | 'rm'; place: string; recursive: boolean; force: boolean }
  | { name: 'readdir'; place: string; recursive: boolean; withFileTypes: boolean }
  | { name: 'truncate'; place: string; size: number };

// ---- Generating operations

const slots = 3;
// Few, so that operations interact.
const places = ['a', 'b', 'c', 'd', 'd/a', 'd/b', 'd/e', 'd/e/a', 'l'] as const;
const flags = ['r', 'r+', 'w', 'w+', 'wx', 'a', 'a+', 'ax', 'as'] as const;

const place = fc.constantFrom(...places);
const flag = fc.constantFrom(...flags);
// Sizes around those at which the engine works differently, and small ones.
const size = fc.oneof(
  { weight: 8, arbitrary: fc.nat(300) },
  { weight: 1, arbitrary: fc.constantFrom(4096, 65_536, 65_537, 100_000) },
  { weight: 1, arbitrary: fc.constantFrom(512 * 1024, 512 * 1024 + 1) },
);
const piece = fc.record({ size, seed: fc.integer({ min: 1, max: 5 }) });
const position = fc.oneof(fc.constant(null), fc.nat(400), fc.constantFrom(65_536, 200_000));

const handleCall: fc.Arbitrary<HandleCall> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ name: fc.constant('open'), place, flags: flag }) },
  {
    weight: 3,
    arbitrary: fc.record({ name: fc.constantFrom('close', 'readFile', 'stat', 'sync') }),
  },
  { weight: 3, arbitrary: fc.record({ name: fc.constant('read'), size, position }) },
  {
    weight: 1,
    arbitrary: fc.record({
      name: fc.constant('readv'),
      sizes: fc.array(size, { maxLength: 4 }),
      position,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      name: fc.constantFrom('write', 'writeFile', 'appendFile'),
      piece,
      position,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      name: fc.constant('writev'),
      pieces: fc.array(piece, { maxLength: 4 }),
      position,
    }),
  },
  { weight: 1, arbitrary: fc.record({ name: fc.constant('truncate'), size }) },
) as fc.Arbitrary<HandleCall>;

const twoPaths = isWindows
  ? (['rename', 'copyFile'] as const)
  : (['rename', 'link', 'symlink', 'copyFile'] as const);

const pathCall: fc.Arbitrary<PathCall> = fc.oneof(
  fc.record({
    name: fc.constantFrom('readFile', 'stat', 'lstat', 'unlink', 'rmdir', 'readlink'),
    place,
  }),
  fc.record({ name: fc.constantFrom('writeFile', 'appendFile'), place, piece, flag }),
  fc.record({ name: fc.constantFrom(...twoPaths), place, other: place }),
  fc.record({
    name: fc.constantFrom('mkdir', 'rm'),
    place,
    recursive: fc.boolean(),
    force: fc.boolean(),
  }),
  fc.record({
    name: fc.constant('readdir'),
    place: fc.constantFrom('', ...places),
    recursive: fc.boolean(),
    withFileTypes: fc.boolean(),
  }),
  fc.record({ name: fc.constant('truncate'), place, size }),
) as fc.Arbitrary<PathCall>;

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    on: fc.constant('handle'),
    slot: fc.nat(slots - 1),
    call: handleCall,
  }) as fc.Arbitrary<Operation>,
  fc.record({ on: fc.constant('path'), call: pathCall }) as fc.Arbitrary<Operation>,
);

export const sequences = fc.array(operation, { minLength: 1, maxLength: 40, size: 'max' });

// ---- Running them

/** The environment of operations: functions, a folder, and the open handles. */
export class World {
  readonly #fs: LooseFs;
  readonly #folder: string;
  readonly #handles: (LooseHandle | undefined)[] = [];

  constructor(fs: LooseFs, folder: string) {
    this.#fs = fs;
    this.#folder = folder;
  }

  async run(item: Operation): Promise<unknown> {
    return item.on === 'handle' ? this.#onHandle(item.slot, item.call) : this.#onPath(item.call);
  }

  async close(): Promise<void> {
    for (const handle of this.#handles) await handle?.close();
  }

  #at(name: string): string {
    return path.join(this.#folder, name);
  }

  async #onHandle(slot: number, call: HandleCall): Promise<unknown> {
    const handle = this.#handles[slot];
    if (call.name === 'open') {
      await handle?.close();
      this.#handles[slot] = undefined;
      this.#handles[slot] = await this.#fs.open(this.#at(call.place), call.flags);
      return;
    }
    if (handle === undefined) return;
    if (call.name === 'close') this.#handles[slot] = undefined;
    return callHandle(handle, call);
  }

  async #onPath(call: PathCall): Promise<unknown> {
    const place = this.#at(call.place);
    const fs = this.#fs;
    switch (call.name) {
      case 'writeFile':
      case 'appendFile':
        return fs[call.name](place, bytesOf(call.piece), { flag: call.flag });
      case 'rename':
      case 'link':
      case 'copyFile':
        return fs[call.name](place, this.#at(call.other));
      case 'symlink':
        return fs.symlink(path.basename(call.other), place);
      case 'mkdir':
        return fs.mkdir(place, { recursive: call.recursive });
      case 'rm':
        return fs.rm(place, { recursive: call.recursive, force: call.force });
      case 'readdir': {
        const { recursive, withFileTypes } = call;
        const entries: unknown[] = await fs.readdir(place, { recursive, withFileTypes });
        return entries.map((entry) => JSON.stringify(entry)).sort();
      }
      case 'truncate':
        return fs.truncate(place, call.size);
      default:
        return fs[call.name](place);
    }
  }
}

async function callHandle(handle: LooseHandle, call: HandleCall): Promise<unknown> {
  switch (call.name) {
    case 'read':
      return handle.read(Buffer.alloc(call.size), 0, call.size, call.position);
    case 'readv':
      return handle.readv(
        call.sizes.map((size) => Buffer.alloc(size)),
        call.position,
      );
    case 'write':
      return handle.write(bytesOf(call.piece), 0, call.piece.size, call.position);
    case 'writev':
      return handle.writev(call.pieces.map(bytesOf), call.position);
    case 'writeFile':
    case 'appendFile':
      return handle[call.name](bytesOf(call.piece));
    case 'truncate':
      return handle.truncate(call.size);
    case 'open':
      throw new Error('open makes a handle');
    default:
      return handle[call.name]();
  }
}

function bytesOf({ size: length, seed }: Piece): Buffer {
  return randomBytes(length, seed);
}
