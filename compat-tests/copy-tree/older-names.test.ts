import { expect, test } from 'vitest';
import { olderNames } from '../../lib/copy/tree/older-names.js';
import type { TreeEntry } from '../../lib/copy/tree/tree-entry.js';

// Extra files that may be older names of files that could not be copied.

const second = 1_000_000_000n;

function file(place: string, size: number, mtimeNs: bigint): TreeEntry {
  return { place, kind: 'file', size, mtimeNs } as TreeEntry;
}

function keptOf(extra: readonly TreeEntry[], failed: readonly TreeEntry[]): string[] {
  const tasks = failed.map((entry) => ({ entry, there: undefined }));
  return [...olderNames(extra, tasks, 2000n)].sort();
}

test('a file stays if its size and time are those of one that failed, with its folders', () => {
  const failed = [file('x', 5, 10n * second + 7n), file('y', 5, 30n * second)];
  const extra = [
    file('exact', 5, 10n * second + 7n),
    file('close', 5, 10n * second + 1500n),
    file('a/b/coarse', 5, 12n * second),
    file('other-size', 6, 30n * second),
    file('other-time', 5, 20n * second),
    file('between', 5, 11n * second + 3n),
    file('before', 5, 29n * second),
  ];
  expect(keptOf(extra, failed)).toEqual(['a', 'a/b', 'a/b/coarse', 'before', 'close', 'exact']);
  expect(keptOf(extra, [])).toEqual([]);
});

test('every file that failed counts, and many of one size take no longer than each alone', () => {
  const count = 40_000;
  const numbers = Array.from({ length: count }, (_, i) => i);
  const failed = numbers.map((i) => file(`f${i}`, 0, BigInt((i * 7919) % count) * 10n * second));
  const extra = numbers.map((i) => file(`e${i}`, 0, BigInt(i) * 5n * second + 1n));
  const kept = keptOf(extra, failed);
  expect(kept).toHaveLength(count / 2);
  expect(kept).toContain('e0');
  expect(kept).not.toContain('e1');
});
