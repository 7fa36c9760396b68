import { expect, test } from 'vitest';
import { isWindows } from '../helpers.js';
import { runnerOf } from './run-program.js';
import { sourceTree } from './tree.js';

interface Repository {
  log: { oid: string; commit: { message: string } }[];
  statuses: Record<string, [string, number, number, number][]>;
  missing: { code: string };
}

const { run } = runnerOf({ program: 'isomorphic-git', source: sourceTree() });

test('isomorphic-git works with node:fs', async () => {
  const { result } = await run('node:fs');
  const { byPromises, byCallbacks } = result as Record<string, Repository>;
  expect(byPromises?.log.map(({ commit }) => commit.message)).toEqual([
    'Changes\n',
    'The whole tree\n',
  ]);
  expect(byPromises?.missing.code).toBe('NotFoundError');
  // No checked-out file differs from HEAD.
  const changed = byPromises?.statuses.checkedOut?.filter(([, head, work]) => head !== work);
  expect(isWindows ? [] : changed).toEqual([]);
  expect(byCallbacks).toEqual(byPromises);
});

test.each(['overlapped/fs', 'overlapped/register'] as const)(
  'isomorphic-git with %s: the same object ids, states, packs and files',
  async (placement) => {
    const [plain, ours] = [await run('node:fs'), await run(placement)];
    expect(ours.result).toEqual(plain.result);
    expect(ours.tree).toEqual(plain.tree);
    expect(ours.operations).toBeGreaterThan(500);
  },
);
