import * as fs from 'node:fs';
import * as path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import {
  type Alignment,
  AlignmentError,
  type AlignmentField,
  allocAligned,
  engine,
  type FileHandle,
  open,
} from '../../lib/index.js';
import { addressAt } from '../../lib/transfer/aligned-buffer.js';
import {
  fileWith,
  isLinux,
  randomBytes,
  rejection,
  sha256OfFile,
  testWhere,
  unbufferedFolder,
} from '../helpers.js';

const size = 64 * 1024;
let folder: string;

beforeAll(async () => {
  folder = await unbufferedFolder();
});

async function withUnbuffered(
  use: (handle: FileHandle, alignment: Alignment, file: string) => Promise<void>,
): Promise<void> {
  const file = path.join(folder, 'file');
  fs.writeFileSync(file, randomBytes(size));
  const handle = await open(file, 'r+', { unbuffered: true });
  try {
    await use(handle, handle.alignment as Alignment, file);
  } finally {
    await handle.close();
  }
}

test('alignment is frozen powers of two when unbuffered, and null when buffered', async () => {
  await withUnbuffered(async (handle, alignment) => {
    expect(Object.isFrozen(handle.alignment)).toBe(true);
    for (const value of Object.values(alignment)) {
      expect(value).toBeGreaterThan(0);
      expect(value & (value - 1)).toBe(0);
    }
    expect(Object.keys(alignment).sort()).toEqual(['length', 'memory', 'position']);
  });
  const buffered = await open(fileWith('content'), 'r');
  expect(buffered.alignment).toBeNull();
  await buffered.close();
});

type Transfer = (
  handle: FileHandle,
  buffer: Buffer,
  offset: number,
  length: number,
  position: number | bigint,
) => Promise<unknown>;

const transfers: Record<string, Transfer> = {
  read: (handle, ...rest) => handle.read(...rest),
  'read with options': (handle, buffer, offset, length, position) =>
    handle.read({ buffer, offset, length, position }),
  'read with a signal': (handle, buffer, offset, length, position) =>
    handle.read(buffer, { offset, length, position, signal: new AbortController().signal }),
  write: (handle, ...rest) => handle.write(...rest),
  'write with options': (handle, buffer, offset, length, position) =>
    handle.write(buffer, { offset, length, position }),
  readv: (handle, buffer, offset, length, position) =>
    handle.readv([allocAligned(4096), buffer.subarray(offset, offset + length)], position),
  writev: (handle, buffer, offset, length, position) =>
    handle.writev([allocAligned(4096), buffer.subarray(offset, offset + length)], position),
};

/** Breaks one property of a valid transfer. */
interface Mistake {
  field: AlignmentField;
  offset?: (alignment: Alignment) => number;
  length?: (alignment: Alignment) => number;
  position?: (alignment: Alignment) => number | bigint;
}

const mistakes: Record<string, Mistake> = {
  'a position of 1': { field: 'position', position: () => 1 },
  'a position short of a sector': { field: 'position', position: ({ position }) => position - 1 },
  'a position in bigint': { field: 'position', position: ({ position }) => BigInt(position) + 1n },
  'a length of 1': { field: 'length', length: () => 1 },
  'a length of a sector and 1': { field: 'length', length: ({ length }) => length + 1 },
  'an address one too far': { field: 'address', offset: () => 1 },
  'an address short of its alignment': { field: 'address', offset: ({ memory }) => memory - 1 },
};

for (const [transferName, transfer] of Object.entries(transfers)) {
  for (const [mistakeName, mistake] of Object.entries(mistakes)) {
    test(`${transferName} with ${mistakeName}: AlignmentError, nothing is submitted`, async () => {
      await withUnbuffered(async (handle, alignment, file) => {
        const before = sha256OfFile(file);
        const { submitted } = engine.stats();
        const buffer = allocAligned(16_384).fill(0xaa);
        const offset = mistake.offset?.(alignment) ?? 0;
        const length = mistake.length?.(alignment) ?? alignment.length;
        const position = mistake.position?.(alignment) ?? 4096;
        const error = await rejection(transfer(handle, buffer, offset, length, position));
        expect(error).toBeInstanceOf(AlignmentError);
        const values = { position, length, address: addressAt(buffer, offset) };
        const { field } = mistake;
        const required = alignment[field === 'address' ? 'memory' : field];
        expect(error).toMatchObject({
          name: 'AlignmentError',
          code: 'ERR_UNALIGNED',
          field,
          value: values[field],
          required,
        });
        expect(engine.stats().submitted).toBe(submitted);
        expect(sha256OfFile(file)).toBe(before);
        expect(buffer.every((byte) => byte === 0xaa)).toBe(true);
      });
    });
  }

  test(`${transferName} with everything aligned succeeds`, async () => {
    await withUnbuffered(async (handle) => {
      await transfer(handle, allocAligned(16_384), 4096, 8192, 4096);
      await transfer(handle, allocAligned(16_384), 4096, 8192, 4096n);
    });
  });
}

test('at the cursor, length and address are checked, too', async () => {
  await withUnbuffered(async (handle, alignment, file) => {
    const before = sha256OfFile(file);
    const cases = [
      handle.read(allocAligned(8192), 0, 100),
      handle.read(allocAligned(8192), 1, alignment.length),
      handle.write(allocAligned(8192), 0, 100),
      handle.write(allocAligned(8192), 1, alignment.length),
      handle.write('a string of odd length'),
      handle.readv([allocAligned(100)]),
      handle.writev([allocAligned(100)]),
    ];
    for (const call of cases) expect(await rejection(call)).toBeInstanceOf(AlignmentError);
    expect(sha256OfFile(file)).toBe(before);
    const { bytesRead } = await handle.read(allocAligned(8192));
    expect(bytesRead, 'the cursor has not moved').toBe(8192);
  });
});

test('a handle is usable after an AlignmentError', async () => {
  await withUnbuffered(async (handle, _alignment, file) => {
    await rejection(handle.write(allocAligned(4096), 0, 4096, 1));
    const data = allocAligned(4096).fill(7);
    expect((await handle.write(data, 0, 4096, 4096)).bytesWritten).toBe(4096);
    expect(fs.readFileSync(file).subarray(4096, 8192).equals(data)).toBe(true);
  });
});

test('readv and writev of aligned buffers move all of them, in order', async () => {
  await withUnbuffered(async (handle, _alignment, file) => {
    const buffers = [1, 2, 3].map((i) => allocAligned(4096 * i).fill(i));
    expect((await handle.writev(buffers, 8192)).bytesWritten).toBe(6 * 4096);
    const targets = buffers.map(({ length }) => allocAligned(length));
    expect((await handle.readv(targets, 8192)).bytesRead).toBe(6 * 4096);
    expect(targets).toEqual(buffers);
    const found = fs.readFileSync(file).subarray(8192, 8192 + 6 * 4096);
    expect(found.equals(Buffer.concat(buffers))).toBe(true);
  });
});

test("an unbuffered handle opened with 'w' does not read, like any other", async () => {
  const handle = await open(path.join(folder, 'write-only'), 'w', { unbuffered: true });
  for (const call of [
    handle.read(allocAligned(4096), 0, 4096, 0),
    handle.readv([allocAligned(4096)], 0),
    handle.readFile(),
  ]) {
    expect(await rejection(call)).toMatchObject({ code: 'EBADF', syscall: 'read' });
  }
  await handle.close();
});

const unbufferedRefused = '/proc/self/status';

testWhere(isLinux, 'it is a path of Linux')(
  'unbuffered: true rejects with EINVAL if the file system lacks direct I/O',
  async () => {
    const error = await rejection(open(unbufferedRefused, 'r', { unbuffered: true }));
    expect(error).toMatchObject({ code: 'EINVAL', syscall: 'open', path: unbufferedRefused });
    expect(error.message).toMatch(/^EINVAL: invalid argument.*open '\/proc\/self\/status'$/);
  },
);

testWhere(isLinux, 'it is a path of Linux')(
  "unbuffered: 'prefer' opens buffered there, with alignment null",
  async () => {
    const handle = await open(unbufferedRefused, 'r', { unbuffered: 'prefer' });
    expect(handle.alignment).toBeNull();
    expect(await handle.readFile('utf8')).toContain('Name:');
    await handle.close();
  },
);

test("unbuffered: 'prefer' opens unbuffered where the file system allows it", async () => {
  const file = path.join(folder, 'prefer');
  const handle = await open(file, 'w+', { unbuffered: 'prefer' });
  expect(handle.alignment).not.toBeNull();
  await handle.close();
});

testWhere(isLinux, 'flags are read under /proc')(
  'an unbuffered handle has O_DIRECT, by flag or by option',
  async () => {
    const file = path.join(folder, 'flags');
    fs.writeFileSync(file, 'content');
    const { O_DIRECT, O_RDWR } = fs.constants;
    for (const [flags, options] of [
      ['r+', { unbuffered: true }],
      [O_RDWR | O_DIRECT, {}],
    ] as const) {
      const handle = await open(file, flags, options);
      const info = fs.readFileSync(`/proc/self/fdinfo/${handle.fd}`, 'utf8');
      const found = Number.parseInt(/^flags:\s*([0-7]+)$/m.exec(info)?.[1] as string, 8);
      expect(found & O_DIRECT).not.toBe(0);
      expect(handle.alignment).not.toBeNull();
      await handle.close();
    }
  },
);
