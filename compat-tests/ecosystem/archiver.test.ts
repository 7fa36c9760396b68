import * as path from 'node:path';
import { expect, test } from 'vitest';
import { runnerOf } from './run-program.js';
import { below, describeTree, sourceTree } from './tree.js';

interface Archive {
  entries: unknown[];
  bytes: number;
  bytesWritten: number;
}

const source = sourceTree();
const { run } = runnerOf({ program: 'archiver', source });

test('archiver with node:fs: its archives contain the files', async () => {
  const { tree, result } = await run('node:fs');
  const extracted = below(tree, 'extracted');
  for (const [name, entry] of Object.entries(describeTree(path.join(source, 'library')))) {
    expect(extracted[name]?.content, name).toBe(entry.content);
  }
  expect(extracted['part.bin']?.size).toBe(199_000);
  for (const archives of Object.values(result as Record<string, Record<string, Archive>>)) {
    for (const { entries, bytes, bytesWritten } of Object.values(archives)) {
      expect(entries.length).toBeGreaterThan(3);
      expect(bytes).toBeGreaterThan(10_000);
      expect(bytesWritten).toBe(bytes);
    }
  }
});

test.each(['overlapped/fs', 'overlapped/register'] as const)(
  'archiver with %s: the same archives',
  async (placement) => {
    const [plain, ours] = [await run('node:fs'), await run(placement)];
    expect(ours.result).toEqual(plain.result);
    expect(ours.tree).toEqual(plain.tree);
    expect(ours.operations).toBeGreaterThan(300);
  },
);
