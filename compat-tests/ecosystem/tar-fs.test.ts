import { expect, test } from 'vitest';
import { isWindows, testWhere } from '../helpers.js';
import { runnerOf } from './run-program.js';
import { below, describeTree, sourceTree, symbolicLinks, timesOfFiles } from './tree.js';

const source = sourceTree();
const { run } = runnerOf({ program: 'tar-fs', source, timesIn: ['extracted', 'mapped'] });

test('tar-fs with node:fs extracts what was packed', async () => {
  const { tree, times, result } = await run('node:fs');
  const expected = describeTree(source);
  // It packs each hard link as a separate file.
  for (const entry of Object.values(expected)) delete entry.sameFileAs;
  expect(below(tree, 'extracted')).toEqual(expected);
  expect(times).toMatchObject(timesOfFiles(source));
  // On Windows it skips hard links.
  const again = isWindows ? undefined : 'large again.bin';
  expect(below(tree, 'hard links')['large.bin']?.sameFileAs).toBe(again);
  expect(result).toMatchObject({ missing: { code: 'ENOENT', syscall: 'lstat' } });
});

test.each(['overlapped/fs', 'overlapped/register'] as const)(
  'tar-fs with %s: the same archives, trees and times',
  async (placement) => {
    const [plain, ours] = [await run('node:fs'), await run(placement)];
    expect(ours.result).toEqual(plain.result);
    expect(ours.tree).toEqual(plain.tree);
    expect(ours.times).toEqual(plain.times);
    expect(ours.operations).toBeGreaterThan(300);
  },
);

testWhere(symbolicLinks, 'this system lets us make no symbolic links')(
  'tar-fs with overlapped/fs: symbolic links are packed and extracted',
  async () => {
    const { tree } = await run('overlapped/fs');
    expect(below(tree, 'extracted/links')).toEqual({
      'to file': { type: 'link', target: '../empty' },
      'to folder': { type: 'link', target: '../library' },
      'to nothing': { type: 'link', target: 'nowhere' },
    });
  },
);
