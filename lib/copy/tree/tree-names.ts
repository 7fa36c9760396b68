/**
 * Handling of file systems that treat different names as one: the source may distinguish `A` from
 * `a` where the destination does not.
 */

const ascii = /^[\0-\x7f]*$/;

/**
 * Returns the same text for all names that any file system treats as one: case, Unicode, dots and
 * spaces at the end.
 */
export function foldedName(name: string): string {
  const folded = ascii.test(name)
    ? name.toLowerCase()
    : name.normalize('NFKD').toUpperCase().toLowerCase();
  // A name of only dots and spaces keeps the first of them.
  return folded.replace(/(?<=.)[. ]+$/s, '');
}

/** Returns names of a folder that some file system may treat as the name of another entry. */
export function clashingNames(names: readonly string[]): string[] {
  const folded = names.map(foldedName);
  if (new Set(folded).size === names.length) return [];
  const counts = new Map<string, number>();
  for (const name of folded) counts.set(name, (counts.get(name) ?? 0) + 1);
  return names.filter((_, index) => counts.get(folded[index] as string) !== 1);
}
