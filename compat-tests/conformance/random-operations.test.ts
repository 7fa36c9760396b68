import * as fs from 'node:fs';
import * as path from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import * as overlapped from '../../lib/index.js';
import { isWindows, randomBytes, settled, temporaryFolder } from '../helpers.js';
import type { LooseFs, LooseHandle } from './case.js';
import { describeError, normalise, treeOf } from './observe.js';
import { type Operation, sequences, World } from './random-operations.js';

// The sequences are the same in every run, unless FAST_CHECK_SEED sets another seed, as
// `npm run test:seeds` does. A failure prints its sequence, reduced to the shortest one found.
const seed = Number(process.env.FAST_CHECK_SEED ?? 1);
const numRuns = isWindows ? 30 : 150;
const limits = { seed, numRuns };

const nodePromises = fs.promises as unknown as LooseFs;
const ours = overlapped as unknown as LooseFs;

/** The outcome of each operation, and the final tree. */
async function outcomes(promises: LooseFs, operations: readonly Operation[]): Promise<unknown> {
  const folder = path.join(temporaryFolder(), 'folder');
  fs.mkdirSync(folder);
  const world = new World(promises, folder);
  const seen: unknown[] = [];
  for (const operation of operations) {
    const { error, value } = await settled(world.run(operation));
    seen.push(error ? describeError(error, folder) : normalise(value, folder));
  }
  await world.close();
  const tree = treeOf(fs, folder);
  fs.rmSync(path.dirname(folder), { recursive: true });
  return { seen, tree };
}

test(`random sequences of operations match Node (seed ${seed})`, async () => {
  const same = fc.asyncProperty(sequences, async (operations) => {
    const wanted = await outcomes(nodePromises, operations);
    expect(await outcomes(ours, operations)).toEqual(wanted);
  });
  await fc.assert(same, limits);
});

// ---- Concurrent operations

interface Part {
  start: number;
  size: number;
}
const parts = fc.array(fc.record({ start: fc.nat(3000), size: fc.integer({ min: 1, max: 999 }) }), {
  minLength: 1,
  maxLength: 60,
});

test(`concurrent random reads return the content of the file (seed ${seed})`, async () => {
  const content = randomBytes(3500, 7);
  const file = path.join(temporaryFolder(), 'file');
  fs.writeFileSync(file, content);
  const handle = (await overlapped.open(file)) as unknown as LooseHandle;
  const right = fc.asyncProperty(parts, async (reads) => {
    const results = await Promise.all(
      reads.map(({ start, size }) => handle.read(Buffer.alloc(size), 0, size, start)),
    );
    results.forEach(({ bytesRead, buffer }, i) => {
      const { start, size } = reads[i] as Part;
      const wanted = content.subarray(start, start + size);
      expect(bytesRead).toBe(wanted.length);
      expect(buffer.subarray(0, bytesRead).equals(wanted)).toBe(true);
    });
  });
  await fc.assert(right, limits);
  await handle.close();
});

test(`concurrent random writes that do not overlap all land (seed ${seed})`, async () => {
  const file = path.join(temporaryFolder(), 'file');
  const pieces = fc.array(fc.nat(2000), { minLength: 1, maxLength: 60 });
  const land = fc.asyncProperty(pieces, fc.integer({ min: 1 }), async (sizes, shuffle) => {
    const whole = randomBytes(
      sizes.reduce((sum, size) => sum + size, 0),
      shuffle,
    );
    let start = 0;
    const writes = sizes.map((size) => {
      start += size;
      return { start: start - size, size };
    });
    if (shuffle % 2 === 1) writes.reverse();
    const handle = (await overlapped.open(file, 'w')) as unknown as LooseHandle;
    await Promise.all(writes.map((part) => handle.write(whole, part.start, part.size, part.start)));
    await handle.close();
    expect(fs.readFileSync(file).equals(whole)).toBe(true);
  });
  await fc.assert(land, limits);
});
