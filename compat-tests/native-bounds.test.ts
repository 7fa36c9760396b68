import * as fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadBinding } from '../lib/engine/binding.js';
import { CompletionLayout, type NativeBinding, SubmissionLayout } from '../lib/engine/native.js';
import { Opcode } from '../lib/engine/opcodes.js';
import { resultOfChild, temporaryFolder, testWhere } from './helpers.js';

// JavaScript writes submissions into shared memory, so the addon checks every number in them.

interface Fields {
  opcode?: number;
  slot?: number;
  file?: number;
  flags?: number;
  position?: bigint;
  offset?: number;
  length?: number;
}

const testWithHalves = testWhere(
  'Float16Array' in globalThis,
  'this version of Node has no Float16Array',
);
const EINVAL = process.platform === 'win32' ? -4071 : -22;
const EBADF = process.platform === 'win32' ? -4083 : -9;

/** An engine whose rings the test writes itself. loadBinding() returns a new instance. */
class RawEngine {
  readonly #native: NativeBinding = loadBinding();
  readonly #results: unknown[] = [];
  readonly #submissions: DataView;
  readonly #completions: DataView;
  readonly #arrived: { slot: number; error: number; value: number }[] = [];
  #wake: (() => void) | undefined;

  constructor() {
    const { start } = this.#native;
    const onCompletions = (count: number): void => this.#take(count);
    const wanted = process.env.OVERLAPPED_ENGINE ?? '';
    const description = start(wanted, onCompletions, this.#results, false);
    this.#submissions = new DataView(description.submissions);
    this.#completions = new DataView(description.completions);
  }

  write(index: number, fields: Fields): void {
    const { opcode = Opcode.read, slot = index, file = 0, flags = 0 } = fields;
    const { position = 0n, offset = 0, length = 0 } = fields;
    const at = index * SubmissionLayout.size;
    const view = this.#submissions;
    view.setInt32(at + SubmissionLayout.opcode, opcode, true);
    view.setUint32(at + SubmissionLayout.slot, slot, true);
    view.setInt32(at + SubmissionLayout.file, file, true);
    view.setInt32(at + SubmissionLayout.flags, flags, true);
    view.setBigInt64(at + SubmissionLayout.position, position, true);
    view.setFloat64(at + SubmissionLayout.offset, offset, true);
    view.setFloat64(at + SubmissionLayout.length, length, true);
  }

  submit(count: number, objects: readonly unknown[]): void {
    this.#take(this.#native.submit(count, objects));
  }

  #take(count: number): void {
    for (let i = 0; i < count; i++) {
      const at = i * CompletionLayout.size;
      this.#arrived.push({
        slot: this.#completions.getUint32(at + CompletionLayout.slot, true),
        error: this.#completions.getInt32(at + CompletionLayout.error, true),
        value: this.#completions.getFloat64(at + CompletionLayout.value, true),
      });
    }
    this.#wake?.();
  }

  async next(): Promise<{ slot: number; error: number; value: number }> {
    for (;;) {
      const completion = this.#arrived.shift();
      if (completion !== undefined) return completion;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async run(fields: Fields, object: unknown): Promise<{ error: number; value: number }> {
    this.write(0, fields);
    this.submit(1, [object]);
    const { error, value } = await this.next();
    return { error, value };
  }
}

const folder = temporaryFolder();
const path = `${folder}/file`;
let raw: RawEngine;
let file: number;

beforeEach(async () => {
  fs.writeFileSync(path, 'hello');
  raw = new RawEngine();
  const flags = fs.constants.O_RDWR;
  file = (await raw.run({ opcode: Opcode.open, flags, offset: 0o666 }, path)).value;
});
afterEach(async () => {
  expect((await raw.run({ opcode: Opcode.close, file }, undefined)).error).toBe(0);
});

const wrongNumbers = [-1, Number.NaN, Number.POSITIVE_INFINITY, 1.5, -(2 ** 53), 2 ** 60];

describe('a transfer outside its buffer fails with EINVAL and touches nothing', () => {
  const opcodes = { read: Opcode.read, write: Opcode.write };
  for (const [name, opcode] of Object.entries(opcodes)) {
    test.each(wrongNumbers)(`${name} of length %d`, async (length) => {
      const buffer = Buffer.alloc(5, 1);
      expect((await raw.run({ opcode, file, length }, buffer)).error).toBe(EINVAL);
      expect(buffer).toEqual(Buffer.alloc(5, 1));
    });
    test.each(wrongNumbers)(`${name} at offset %d`, async (offset) => {
      const { error } = await raw.run({ opcode, file, offset, length: 1 }, Buffer.alloc(5));
      expect(error).toBe(EINVAL);
    });
    test.each([
      [0, 6],
      [5, 1],
      [1, 5],
      [2 ** 52, 2 ** 52],
    ])(`${name} at offset %d of length %d in 5 bytes`, async (offset, length) => {
      const { error } = await raw.run({ opcode, file, offset, length }, Buffer.alloc(5));
      expect(error).toBe(EINVAL);
    });
    test.each([-2n, -(2n ** 63n), 2n ** 63n - 1n])(`${name} at position %d`, async (position) => {
      const { error } = await raw.run({ opcode, file, position, length: 5 }, Buffer.alloc(5));
      expect(error).toBe(EINVAL);
    });
  }
  test('the file is unchanged', () => expect(fs.readFileSync(path, 'utf8')).toBe('hello'));
});

test.each([
  ['null', null],
  ['undefined', undefined],
  ['a number', 5],
  ['a string', 'text'],
  ['an object', {}],
  ['an array', []],
  ['a proxy', new Proxy(Buffer.alloc(5), {})],
])('a read into %s fails with EINVAL', async (_, object) => {
  expect((await raw.run({ file, length: 5 }, object)).error).toBe(EINVAL);
});

const arrayTypes = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const;

for (const ArrayType of arrayTypes) {
  test(`a read fills a ${ArrayType.name} to its last byte, and no further`, async () => {
    fs.writeFileSync(path, Buffer.alloc(100, 'x'));
    const bytes = Buffer.from(new ArrayBuffer(200));
    const length = 3 * ArrayType.BYTES_PER_ELEMENT;
    const array = new ArrayType(bytes.buffer, 0, 3);
    expect((await raw.run({ file, length: length + 1 }, array)).error).toBe(EINVAL);
    expect((await raw.run({ file, length }, array)).value).toBe(length);
    const vector = { opcode: Opcode.readVector, file, length };
    expect((await raw.run(vector, [array])).value).toBe(length);
    expect(bytes.lastIndexOf('x')).toBe(length - 1);
  });
}

// A buffer that is transferred after the call has no bytes left when it is submitted.
test.each([
  ['one buffer less', 5, [Buffer.alloc(3)]],
  ['one buffer more', 5, [Buffer.alloc(3), Buffer.alloc(2), Buffer.alloc(1)]],
  ['no buffer', 1, []],
])('a vector of %s than its length says fails with EINVAL', async (_, length, buffers) => {
  for (const opcode of [Opcode.readVector, Opcode.writeVector]) {
    expect((await raw.run({ opcode, file, length }, buffers)).error).toBe(EINVAL);
  }
  expect(fs.readFileSync(path, 'utf8')).toBe('hello');
});

testWithHalves('a read into a Float16Array, whose type not every Node-API has, fails', async () => {
  const array = new (globalThis as unknown as { Float16Array: typeof Uint16Array }).Float16Array(8);
  expect((await raw.run({ file, length: 64 }, array)).error).toBe(EINVAL);
  const vector = { opcode: Opcode.readVector, file, length: 16 };
  expect((await raw.run(vector, [array])).error).toBe(EINVAL);
});

test.each([
  ['truncate', { opcode: Opcode.truncate, length: -1 }],
  ['truncate', { opcode: Opcode.truncate, length: Number.NaN }],
  ['lock', { opcode: Opcode.lock, position: -1n }],
  ['lock', { opcode: Opcode.lock, length: Number.NaN }],
  ['copyRange', { opcode: Opcode.copyRange, offset: Number.NaN }],
  ['copyRange', { opcode: Opcode.copyRange, offset: -1 }],
  ['writePath', { opcode: Opcode.writePath, offset: Number.NaN }],
  ['writePath', { opcode: Opcode.writePath, length: Number.NaN }],
  ['open', { opcode: Opcode.open, offset: -1 }],
  ['open', { opcode: Opcode.open, position: -1n }],
  ['open', { opcode: Opcode.open, length: Number.NaN }],
] as const)('%s with the fields %o fails with EINVAL', async (_, fields) => {
  expect((await raw.run({ file, ...fields }, [path, Buffer.alloc(5)])).error).toBe(EINVAL);
});

test.each([-1, 99, 2 ** 31 - 1])('the file %d, which is not open, is EBADF', async (number) => {
  const opcodes = [Opcode.read, Opcode.stat, Opcode.truncate, Opcode.close, Opcode.copyRange];
  for (const opcode of opcodes) {
    const fields = { opcode, file: number };
    expect((await raw.run(fields, Buffer.alloc(1))).error).toBe(EBADF);
  }
});

test.each([0, 40, 127, 128, -1, 2 ** 31 - 1])('the opcode %d is EINVAL', async (opcode) => {
  expect((await raw.run({ opcode, file }, undefined)).error).toBe(EINVAL);
});

test('a count beyond the ring, or of another type, throws', () => {
  for (const count of [1025, 2 ** 31, 2 ** 32 - 1]) {
    expect(() => raw.submit(count, [])).toThrow(
      expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }),
    );
  }
  expect(() => raw.submit('x' as unknown as number, [])).toThrow();
});

test('a slot out of range or in use throws; the rest of the batch is served', async () => {
  for (const slot of [2 ** 32 - 1, 2 ** 24, 0]) {
    raw.write(0, { opcode: Opcode.stat, file, slot: 0 });
    raw.write(1, { opcode: Opcode.stat, file, slot });
    raw.write(2, { opcode: Opcode.stat, file, slot: 2 });
    expect(() => raw.submit(3, [])).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
    const served = [await raw.next(), await raw.next()];
    expect(served.map((completion) => completion.slot).sort()).toEqual([0, 2]);
    expect(served.every(({ error }) => error === 0)).toBe(true);
  }
});

test('a cancel of a slot that was never used does nothing', async () => {
  raw.write(0, { opcode: Opcode.cancel, slot: 2 ** 32 - 1 });
  raw.write(1, { opcode: Opcode.cancelFile, file: -1 });
  raw.submit(2, []);
  expect((await raw.run({ opcode: Opcode.stat, file }, undefined)).error).toBe(0);
});

test('functions of the addon throw before its engine has started, and for wrong arguments', () => {
  const native = loadBinding();
  expect(() => native.submit(0, [])).toThrow();
  expect(() => native.stats()).toThrow();
  expect(() => native.duplicateDescriptor(0)).toThrow();
  const start = native.start as (...args: unknown[]) => unknown;
  for (const args of [[], ['', 1, [], true], ['', () => {}, {}, true], [1, () => {}, [], true]]) {
    expect(() => start(...args)).toThrow();
  }
  expect(native.addressOf(undefined as never)).toBe(0);
});

test('properties of Object.prototype never reach a submission', async () => {
  const script = `
    const names = {
      file: 1, flags: 7, offset: 5, length: 3, source: 0, owner: 1, object: 'x', opcode: 6,
      position: 4, options: 32, mode: 1, preallocate: 4096, attributes: 1,
    };
    const handle = await open(argument, 'r+');
    for (const [name, value] of Object.entries(names)) {
      Object.defineProperty(Object.prototype, name, { value, configurable: true, writable: true });
    }
    await handle.sync();
    const { size } = await handle.stat();
    const content = await readFile(argument, 'utf8');
    await handle.truncate(2);
    const after = await handle.stat();
    await handle.close();
    for (const name of Object.keys(names)) delete Object.prototype[name];
    console.log(JSON.stringify([size, content, after.size]));`;
  expect(await resultOfChild(script, { args: [path] })).toEqual([5, 'hello', 2]);
});
