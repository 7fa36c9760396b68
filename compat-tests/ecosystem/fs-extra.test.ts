import { expect, test } from 'vitest';
import { runnerOf } from './run-program.js';
import { below, describeTree, sourceTree, timesOfFiles } from './tree.js';

const source = sourceTree();
const { run } = runnerOf({ program: 'fs-extra', source, timesIn: ['copied'] });

test('fs-extra with node:fs: its copies exist', async () => {
  const { tree, times, result } = await run('node:fs');
  const expected = describeTree(source);
  for (const [name, entry] of Object.entries(below(tree, 'copied'))) {
    if (entry.type === 'file') expect(entry.content, name).toBe(expected[name]?.content);
  }
  expect(Object.keys(below(tree, 'copied'))).toEqual(Object.keys(expected));
  expect(times).toEqual(timesOfFiles(source));
  expect(below(tree, 'emptied')).toEqual({});
  expect(tree['streamed.bin']?.size).toBe(299_990);
  expect(result).toMatchObject({
    results: { json: { list: [1, 'zwei', null] }, exists: [true, false], text: 'text' },
    failures: { copyMissing: { code: 'ENOENT' }, readNoJson: { value: null } },
  });
});

test('fs-extra with overlapped/register: the same trees, times and failures', async () => {
  const [plain, ours] = [await run('node:fs'), await run('overlapped/register')];
  expect(ours.result).toEqual(plain.result);
  expect(ours.tree).toEqual(plain.tree);
  expect(ours.times).toEqual(plain.times);
  expect(ours.operations).toBeGreaterThan(300);
});
