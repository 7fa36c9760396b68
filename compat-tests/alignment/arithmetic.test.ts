import { expect, test } from 'vitest';
import { engine } from '../../lib/engine/facts.js';
import { AlignmentError, allocAligned } from '../../lib/index.js';
import { addressAt } from '../../lib/transfer/aligned-buffer.js';
import { alignDown, alignUp, checkAligned, isAligned } from '../../lib/transfer/alignment.js';

const alignments = [1, 512, 4096, 65_536];
const values = [0, 1, 511, 512, 513, 4095, 4096, 4097, 2 ** 31, 2 ** 32 + 1, 2 ** 52 + 12_345];

test('alignDown and alignUp give the nearest multiples and keep aligned values', () => {
  for (const alignment of alignments) {
    for (const value of values) {
      const down = alignDown(value, alignment);
      const up = alignUp(value, alignment);
      expect(down % alignment).toBe(0);
      expect(up % alignment).toBe(0);
      expect(down <= value && value <= up).toBe(true);
      expect(value - down).toBeLessThan(alignment);
      expect(up - value).toBeLessThan(alignment);
      expect(isAligned(value, alignment)).toBe(down === up);
      expect(isAligned(BigInt(value), alignment)).toBe(down === up);
    }
  }
});

test('a bigint beyond 2^53 is checked exactly', () => {
  const value = 2n ** 60n;
  expect(isAligned(value, 4096)).toBe(true);
  expect(isAligned(value + 1n, 4096)).toBe(false);
  expect(isAligned(value + 512n, 512)).toBe(true);
});

test('checkAligned throws an AlignmentError that names field, value and requirement', () => {
  expect(() => checkAligned('position', 4096, 4096)).not.toThrow();
  for (const value of [513, 513n]) {
    let error: unknown;
    try {
      checkAligned('length', value, 512);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(AlignmentError);
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({
      name: 'AlignmentError',
      code: 'ERR_UNALIGNED',
      field: 'length',
      value,
      required: 512,
    });
    expect((error as Error).message).toMatch(/length.*512.*513/);
  }
});

test('allocAligned returns zeroed, aligned Buffers of the requested size', () => {
  for (const alignment of [1, 2, 512, 4096, 65_536, 2 ** 20]) {
    for (const size of [0, 1, 511, 4096, 1_000_003]) {
      const buffer = allocAligned(size, { alignment });
      expect(Buffer.isBuffer(buffer)).toBe(true);
      expect(buffer.length).toBe(size);
      expect(addressAt(buffer, 0) % alignment).toBe(0);
      expect(buffer.every((byte) => byte === 0)).toBe(true);
    }
  }
});

test('allocAligned aligns to 4096 bytes unless told otherwise', () => {
  for (let i = 0; i < 50; i++) expect(addressAt(allocAligned(100 + i), 0) % 4096).toBe(0);
});

test('Buffers of allocAligned do not share memory', () => {
  const buffers = Array.from({ length: 20 }, () => allocAligned(4096));
  for (const [i, buffer] of buffers.entries()) buffer.fill(i + 1);
  for (const [i, buffer] of buffers.entries()) {
    expect(buffer.every((byte) => byte === i + 1)).toBe(true);
  }
  expect(new Set(buffers.map(({ buffer }) => buffer)).size).toBe(20);
});

test('addressAt agrees with the addon about views at any offset', () => {
  const memory = new ArrayBuffer(10_000);
  expect(engine.kind).toBe(process.env.OVERLAPPED_ENGINE);
  const base = addressAt(new Uint8Array(memory), 0);
  expect(addressAt(new Uint8Array(memory, 1234, 5), 0)).toBe(base + 1234);
  expect(addressAt(new DataView(memory, 8, 16), 5)).toBe(base + 13);
  expect(addressAt(new Float64Array(memory, 16), 3)).toBe(base + 19);
});

const bad: [code: string, size: unknown, options?: unknown][] = [
  ['ERR_INVALID_ARG_TYPE', '4096'],
  ['ERR_INVALID_ARG_TYPE', undefined],
  ['ERR_INVALID_ARG_TYPE', 4096n],
  ['ERR_OUT_OF_RANGE', -1],
  ['ERR_OUT_OF_RANGE', 1.5],
  ['ERR_OUT_OF_RANGE', Number.NaN],
  ['ERR_INVALID_ARG_TYPE', 4096, { alignment: '512' }],
  ['ERR_INVALID_ARG_TYPE', 4096, { alignment: null }],
  ['ERR_OUT_OF_RANGE', 4096, { alignment: 0 }],
  ['ERR_OUT_OF_RANGE', 4096, { alignment: -512 }],
  ['ERR_OUT_OF_RANGE', 4096, { alignment: 513 }],
  ['ERR_OUT_OF_RANGE', 4096, { alignment: 1536 }],
  ['ERR_OUT_OF_RANGE', 4096, { alignment: 2 ** 31 }],
];

for (const [code, size, options] of bad) {
  test(`allocAligned(${String(size)}, ${JSON.stringify(options)}) throws ${code}`, () => {
    const alloc = allocAligned as (size: unknown, options?: unknown) => Buffer;
    expect(() => alloc(size, options)).toThrow(expect.objectContaining({ code }));
  });
}
