import { expect, test } from 'vitest';
import { runnerOf } from './run-program.js';
import { describeTree, sourceTree } from './tree.js';

const source = sourceTree();
const { run } = runnerOf({ program: 'fast-glob', source });

test('fast-glob with node:fs finds every file', async () => {
  const { result } = await run('node:fs');
  const { found } = result as { found: Record<'names' | 'streamed' | 'atOnce', string[]>[] };
  const files = Object.entries(describeTree(source)).filter(([, { type }]) => type === 'file');
  expect(found[0]?.names).toEqual(expect.arrayContaining(files.map(([name]) => name)));
  for (const { names, streamed, atOnce } of found) {
    expect(streamed).toEqual(names);
    expect(atOnce).toEqual(names);
  }
});

test.each(['overlapped/fs', 'overlapped/register'] as const)(
  'fast-glob with %s: the same names and stats',
  async (placement) => {
    const [plain, ours] = [await run('node:fs'), await run(placement)];
    expect(ours.result).toEqual(plain.result);
    expect(ours.operations).toBeGreaterThan(100);
  },
);
