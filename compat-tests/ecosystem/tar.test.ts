import { expect, test } from 'vitest';
import { testWhere } from '../helpers.js';
import { runnerOf } from './run-program.js';
import { below, describeTree, sourceTree, symbolicLinks, timesOfFiles } from './tree.js';

const source = sourceTree();
const { run } = runnerOf({ program: 'tar', source, timesIn: ['extracted', 'unpacked'] });

test('tar with node:fs extracts what was archived', async () => {
  const { tree, times, result } = await run('node:fs');
  expect(below(tree, 'extracted')).toEqual(describeTree(source));
  expect(times).toMatchObject(timesOfFiles(source));
  expect((result as { failures: unknown[] }).failures).toMatchObject([
    { code: 'ENOENT', syscall: 'lstat' },
    { code: 'ENOENT' },
    { code: 'ENOENT', syscall: 'open' },
  ]);
});

test('tar with overlapped/register: the same archives, trees, times and failures', async () => {
  const [plain, ours] = [await run('node:fs'), await run('overlapped/register')];
  expect(ours.result).toEqual(plain.result);
  expect(ours.tree).toEqual(plain.tree);
  expect(ours.times).toEqual(plain.times);
  expect(ours.operations).toBeGreaterThan(500);
});

testWhere(symbolicLinks, 'this system lets us make no symbolic links')(
  'tar with overlapped/register: symbolic links are archived and extracted',
  async () => {
    const { tree } = await run('overlapped/register');
    expect(below(tree, 'extracted/links')).toEqual({
      'to file': { type: 'link', target: '../empty' },
      'to folder': { type: 'link', target: '../library' },
      'to nothing': { type: 'link', target: 'nowhere' },
    });
  },
);
