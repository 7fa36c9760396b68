import { expect, test } from 'vitest';
import { runnerOf } from './run-program.js';
import { sourceTree } from './tree.js';

const { run } = runnerOf({ program: 'write-file-atomic', source: sourceTree() });

test('write-file-atomic with node:fs works and leaves no temporary file', async () => {
  const { tree, result } = await run('node:fs');
  expect(Object.keys(tree).filter((name) => /\d{4,}/.test(name))).toEqual([]);
  expect(tree['contended.txt']?.size).toBe('write 39\n'.repeat(3900).length);
  expect(result).toMatchObject({
    seen: ['observed.txt.<number>', true, false],
    byCallback: 'no error',
    failures: [{ code: 'ENOENT', syscall: 'open' }, {}, { message: 'refused' }],
  });
});

test('write-file-atomic with overlapped/register: the same files and failures', async () => {
  const [plain, ours] = [await run('node:fs'), await run('overlapped/register')];
  expect(ours.result).toEqual(plain.result);
  expect(ours.tree).toEqual(plain.tree);
  expect(ours.operations).toBeGreaterThan(50);
});
