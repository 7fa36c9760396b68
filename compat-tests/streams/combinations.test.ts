import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { engine } from '../../lib/index.js';
import {
  isLinux,
  openDescriptors,
  randomBytes,
  sha256,
  sha256OfFile,
  unbufferedFolder,
  until,
} from '../helpers.js';
import { connect, kinds, sinkOf, sourceOf } from './adaptors.js';

// Every kind of source with every kind of sink: the same bytes arrive.

const sizes = [0, 1, 4096, 70_001, 3_000_003];
let folder: string;

beforeAll(async () => {
  folder = await unbufferedFolder();
  for (const size of sizes) fs.writeFileSync(fileOf(size), randomBytes(size, size + 1));
  await connect(sourceOf('node', fileOf(1)), sinkOf('node', path.join(folder, 'warm')));
});
afterAll(async () => {
  await until(() => engine.stats().inFlight === 0);
  if (isLinux) await until(() => openDescriptors(folder) === 0);
});

function fileOf(size: number): string {
  return path.join(folder, `source-${size}`);
}

const ways = kinds.flatMap((kind) =>
  [false, true].map((unbuffered) => ({
    kind,
    unbuffered,
    name: unbuffered ? `unbuffered ${kind}` : kind,
  })),
);

for (const from of ways) {
  for (const to of ways) {
    const { unbuffered } = to;

    test(`${from.name} -> ${to.name} transfers the same bytes`, async () => {
      const file = path.join(folder, 'copy');
      for (const size of sizes) {
        const source = sourceOf(from.kind, fileOf(size), { unbuffered: from.unbuffered });
        await connect(source, sinkOf(to.kind, file, { unbuffered }));
        expect(fs.statSync(file).size).toBe(size);
        expect(sha256OfFile(file)).toBe(sha256OfFile(fileOf(size)));
      }
    });

    test(`a part, ${from.name} -> ${to.name}, lands at its position and nowhere else`, async () => {
      const file = path.join(folder, 'part');
      const size = 3_000_003;
      const content = randomBytes(size, size + 1);
      const before = randomBytes(2_500_000, 7);
      for (const [start, end, at] of [
        [777, 1_900_000, 1234],
        [0, 0, 2_499_999],
        [1_048_576, 2_097_151, 4096],
        [2_999_000, 5_000_000, 2_600_001],
      ] as const) {
        fs.writeFileSync(file, before);
        const options = { unbuffered: from.unbuffered, start, end };
        const sink = sinkOf(to.kind, file, { unbuffered, start: at, flags: 'r+' });
        await connect(sourceOf(from.kind, fileOf(size), options), sink);
        const part = content.subarray(start, end + 1);
        const expected = Buffer.alloc(Math.max(before.byteLength, at + part.byteLength));
        before.copy(expected);
        part.copy(expected, at);
        const found = fs.readFileSync(file);
        expect(found.byteLength).toBe(expected.byteLength);
        expect(sha256(found)).toBe(sha256(expected));
      }
    });
  }
}
