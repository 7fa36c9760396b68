import * as fs from 'node:fs';
import { expect, test } from 'vitest';
import { open } from '../../lib/index.js';
import { fileWith, rejection } from '../helpers.js';
import {
  type Action,
  type Handle,
  type Result,
  type Setting,
  same,
  sameOnHandle,
} from './compare.js';

// Programs may distinguish these errors, so code, class and message are Node's.

const type = 'ERR_INVALID_ARG_TYPE';
const value = 'ERR_INVALID_ARG_VALUE';
const range = 'ERR_OUT_OF_RANGE';
const buffer = (): Buffer => Buffer.alloc(10);

function shown(args: unknown[]): string {
  const one = (arg: unknown): string => {
    if (typeof arg === 'bigint') return `${arg}n`;
    if (ArrayBuffer.isView(arg)) return `${arg.constructor.name}(${arg.byteLength})`;
    if (typeof arg === 'function' || typeof arg === 'symbol') return typeof arg;
    return Number.isNaN(arg) || arg === Number.POSITIVE_INFINITY
      ? String(arg)
      : (JSON.stringify(arg) ?? String(arg));
  };
  return args.map(one).join(', ');
}

// ---- read

const badReads: [code: string, ...args: unknown[]][] = [
  [type, 'a string'],
  [type, 5],
  [type, true],
  [type, []],
  [type, { buffer: 'a string' }],
  [type, buffer(), '0'],
  [type, buffer(), 'a text of more than 28 characters'],
  [type, buffer(), "it's"],
  [type, buffer(), 'two\nlines'],
  [type, buffer(), true],
  [type, buffer(), 1n],
  [range, buffer(), -1],
  [range, buffer(), 1.5],
  [range, buffer(), Number.NaN],
  [range, buffer(), 11],
  [range, buffer(), 0, 11],
  [range, buffer(), 5, 6],
  [range, buffer(), 0, -1],
  [range, buffer(), { length: 11 }],
  [range, buffer(), { offset: -1 }],
  [range, buffer(), { offset: 11 }],
  [value, Buffer.alloc(0), 0, 1],
];

for (const [code, ...args] of badReads) {
  sameOnHandle(`read(${shown(args)}) rejects with ${code}`, code, (handle) => handle.read(...args));
}

// The promises of Node 20 treat an invalid position as missing. fs.readSync() does not; its errors
// are those of the promises in later versions.
const badReadPositions: [code: string, position: unknown][] = [
  [type, '0'],
  [type, true],
  [type, {}],
  [range, -2],
  [range, 1.5],
  [range, Number.NaN],
  [range, Number.POSITIVE_INFINITY],
  [range, 2 ** 53],
];

for (const position of [-2n, 2n ** 63n, 2n ** 63n - 5n, -(2n ** 63n)]) {
  test(`read at ${position}n rejects with ${range}`, async () => {
    const handle = await open(fileWith('content'));
    const error = await rejection(handle.read(buffer(), 0, 10, position));
    expect(error).toMatchObject({ name: 'RangeError', code: range });
    expect(error.message).toMatch(/^The value of "position" is out of range. It must be >= /);
    await handle.close();
  });
}

for (const [code, position] of badReadPositions) {
  test(`read at ${shown([position])} rejects with ${code}, as fs.readSync() throws`, async () => {
    const file = fileWith('content');
    const handle = (await open(file)) as unknown as Handle;
    const fd = fs.openSync(file, 'r');
    let wanted: NodeJS.ErrnoException | undefined;
    try {
      fs.readSync(fd, buffer(), 0, 10, position as number);
    } catch (error) {
      wanted = error as NodeJS.ErrnoException;
    }
    fs.closeSync(fd);
    expect(wanted?.code).toBe(code);
    for (const args of [
      [buffer(), 0, 10, position],
      [buffer(), { position }],
    ]) {
      const error = await rejection(handle.read(...args));
      expect(error).toMatchObject({ name: wanted?.name, code, message: wanted?.message });
    }
    await handle.close();
  });
}

// ---- write

const badWrites: [code: string, ...args: unknown[]][] = [
  [type],
  [type, undefined],
  [type, null],
  [type, 5],
  [type, {}],
  [type, []],
  [type, new ArrayBuffer(10)],
  [type, { toString: () => 'text' }],
  [type, buffer(), '0'],
  [type, buffer(), true],
  [range, buffer(), -1],
  [range, buffer(), 1.5],
  [range, buffer(), Number.NaN],
  [range, buffer(), 11],
  [range, buffer(), 0, 11],
  [range, buffer(), 5, 6],
  [range, buffer(), 0, -1],
  [range, buffer(), 0, 1.5],
  [range, buffer(), { length: 11 }],
  [range, buffer(), { offset: 11 }],
  [value, 'abc', 0, 'hex'],
  [value, 'abc', 0, 'HEX'],
];

for (const [code, ...args] of badWrites) {
  sameOnHandle(`write(${shown(args)}) rejects with ${code}`, code, (handle) =>
    handle.write(...args),
  );
}

// Node treats an unknown encoding as utf8.
for (const encoding of ['no encoding', 5, {}, true]) {
  sameOnHandle(`write in encoding ${shown([encoding])}`, 'ok', (handle) =>
    handle.write('text ü', 0, encoding),
  );
}

// Stricter than Node, which treats an invalid position as missing and writes at the cursor.
const badPositions = [-2, 1.5, Number.NaN, 2 ** 53];
for (const position of badPositions) {
  test(`write at position ${position} rejects with ${range} and writes nothing`, async () => {
    const handle = await open(fileWith('content'), 'r+');
    const writing = handle.write(Buffer.from('abc'), 0, 3, position);
    await expect(writing).rejects.toMatchObject({ code: range });
    expect(await handle.readFile('utf8')).toBe('content');
    await handle.close();
  });
}

// ---- vectors

const badVectors: unknown[] = [
  undefined,
  null,
  'text',
  5,
  {},
  buffer(),
  ['text'],
  [buffer(), null],
  [buffer(), new ArrayBuffer(4)],
];

for (const vectors of badVectors) {
  sameOnHandle(`readv(${shown([vectors])}) rejects with ${type}`, type, (handle) =>
    handle.readv(vectors, 0),
  );
  sameOnHandle(`writev(${shown([vectors])}) rejects with ${type}`, type, (handle) =>
    handle.writev(vectors, 0),
  );
}

// ---- other methods of a handle

const others: [name: string, code: string, call: (handle: Handle) => Promise<unknown>][] = [
  ['truncate of a string', type, (handle) => handle.truncate('5')],
  ['truncate of null', type, (handle) => handle.truncate(null)],
  ['truncate of a fraction', range, (handle) => handle.truncate(1.5)],
  ['truncate of NaN', range, (handle) => handle.truncate(Number.NaN)],
  ['readFile with a wrong encoding', value, (handle) => handle.readFile('no encoding')],
  ['readFile with a wrong option', value, (handle) => handle.readFile({ encoding: 'none' })],
  ['readFile with a number', type, (handle) => handle.readFile(5)],
  ['readFile with a wrong signal', type, (handle) => handle.readFile({ signal: 'now' })],
  ['writeFile of a number', type, (handle) => handle.writeFile(5)],
  ['writeFile of null', type, (handle) => handle.writeFile(null)],
  ['writeFile of an object', type, (handle) => handle.writeFile({})],
  ['writeFile of undefined', type, (handle) => handle.writeFile(undefined)],
  ['writeFile with a wrong encoding', value, (handle) => handle.writeFile('x', 'no encoding')],
  ['writeFile with a wrong signal', type, (handle) => handle.writeFile('x', { signal: 5 })],
  ['appendFile of a boolean', type, (handle) => handle.appendFile(true)],
];

for (const [name, code, call] of others) {
  sameOnHandle(`${name} rejects with ${code}`, code, call);
}

// ---- paths, flags and modes

const calls: Record<string, (setting: Setting, path: unknown) => Promise<unknown>> = {
  open: ({ api }, path) => api.open(path),
  readFile: ({ api }, path) => api.readFile(path),
  writeFile: ({ api }, path) => api.writeFile(path, 'x'),
  appendFile: ({ api }, path) => api.appendFile(path, 'x'),
  stat: ({ api }, path) => api.stat(path),
};

const badPaths: [code: string, path: unknown][] = [
  [type, undefined],
  [type, null],
  [type, 5],
  [type, {}],
  [type, true],
  [type, ['a']],
  [type, new Uint16Array(2)],
  [value, 'null\0byte'],
  [value, Buffer.from('null\0byte')],
  ['ERR_INVALID_URL_SCHEME', new URL('http://example.com/x')],
];

for (const [name, call] of Object.entries(calls)) {
  for (const [code, path] of badPaths) {
    const kind = path instanceof URL ? String(path) : shown([path]);
    same(`${name}(${kind}) rejects with ${code}`, code, (setting) => call(setting, path));
  }
}

const openings: [name: string, code: string, action: Action][] = [
  ['flag z', value, ({ api, file }) => api.open(file, 'z')],
  ['flag rw', value, ({ api, file }) => api.open(file, 'rw')],
  ['an empty flag', value, ({ api, file }) => api.open(file, '')],
  ['flag toString', value, ({ api, file }) => api.open(file, 'toString')],
  ['a flag that is an object', value, ({ api, file }) => api.open(file, {})],
  ['a flag that is a boolean', value, ({ api, file }) => api.open(file, true)],
  ['a fractional flag', range, ({ api, file }) => api.open(file, 1.5)],
  ['a flag out of range', range, ({ api, file }) => api.open(file, 2 ** 40)],
  ['mode rw', value, ({ api, missing }) => api.open(missing, 'w', 'rw')],
  ['mode 9 in octal', value, ({ api, missing }) => api.open(missing, 'w', '9')],
  ['mode -1', range, ({ api, missing }) => api.open(missing, 'w', -1)],
  ['mode 2^32', range, ({ api, missing }) => api.open(missing, 'w', 2 ** 32)],
  ['a fractional mode', range, ({ api, missing }) => api.open(missing, 'w', 1.5)],
  ['a mode that is a boolean', type, ({ api, missing }) => api.open(missing, 'w', true)],
];

for (const [name, code, action] of openings) {
  same(`open with ${name} rejects with ${code}`, code, action);
}

const wholeFiles: [name: string, code: string, action: Action][] = [
  ['readFile, wrong encoding', value, ({ api, file }) => api.readFile(file, 'no encoding')],
  ['readFile, options 5', type, ({ api, file }) => api.readFile(file, 5)],
  ['readFile, options true', type, ({ api, file }) => api.readFile(file, true)],
  ['readFile, wrong flag', value, ({ api, file }) => api.readFile(file, { flag: 'z' })],
  ['readFile, wrong signal', type, ({ api, file }) => api.readFile(file, { signal: 'now' })],
  ['writeFile of a number', type, ({ api, file }) => api.writeFile(file, 5)],
  ['writeFile of null', type, ({ api, file }) => api.writeFile(file, null)],
  ['writeFile of undefined', type, ({ api, file }) => api.writeFile(file)],
  ['writeFile of an object', type, ({ api, file }) => api.writeFile(file, {})],
  ['writeFile, wrong encoding', value, ({ api, file }) => api.writeFile(file, 'x', 'none')],
  ['writeFile, wrong flag', value, ({ api, file }) => api.writeFile(file, 'x', { flag: 'z' })],
  ['writeFile, wrong mode', value, ({ api, file }) => api.writeFile(file, 'x', { mode: 'z' })],
  ['writeFile, wrong flush', type, ({ api, file }) => api.writeFile(file, 'x', { flush: 1 })],
  ['writeFile, wrong signal', type, ({ api, file }) => api.writeFile(file, 'x', { signal: 1 })],
  ['appendFile of a number', type, ({ api, file }) => api.appendFile(file, 5)],
  ['appendFile, wrong flush', type, ({ api, file }) => api.appendFile(file, 'x', { flush: 'y' })],
];

for (const [name, code, action] of wholeFiles) {
  same(`${name}: ${code}`, code, action);
}

const failing: ((handle: Handle) => Promise<Result>)[] = [
  (handle) => handle.read(buffer(), -1),
  (handle) => handle.write(5),
  (handle) => handle.readv(null),
];

test('invalid arguments reject; no method throws', async () => {
  const handle = (await open(fileWith('content'), 'r+')) as unknown as Handle;
  for (const call of failing) {
    const promise = call(handle);
    expect(promise).toBeInstanceOf(Promise);
    await expect(promise).rejects.toThrow();
  }
  await handle.close();
});
