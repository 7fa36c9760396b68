/**
 * Prints rows under a header; the first column is text, the others are numbers.
 * @param {string[]} header
 * @param {(string | number)[][]} rows
 */
export function printTable(header, rows) {
  const lines = [header, ...rows].map((row) => row.map(String));
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  for (const line of lines) {
    const cells = line.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
    );
    console.log(`  ${cells.join('   ')}`);
  }
}

/** A number with this many decimal places, or a dash for a missing one. */
export function shown(value, places = 2, unit = '') {
  return value === null || value === undefined ? '-' : `${value.toFixed(places)}${unit}`;
}

/**
 * Prints the checks and their results.
 * @param {{ what: string, value: number | undefined, limit: number, atMost?: boolean }[]} checks
 *   ratios; undefined for a ratio that could not be measured
 */
export function printChecks(checks) {
  console.log('\nChecks');
  for (const check of checks) {
    const { what, value, limit, atMost } = check;
    const relation = `${atMost ? 'at most' : 'at least'} ${limit}x`;
    const verdict = value === undefined ? 'SKIP' : passes(check) ? 'PASS' : 'FAIL';
    const ratio = value === undefined ? 'not measured' : `${value.toFixed(2)}x`;
    console.log(`  ${verdict}  ${what}: ${ratio} (${relation})`);
  }
}

/** Whether a figure keeps the promise; a missing figure does not. */
export function passes({ value, limit, atMost = false }) {
  if (value === undefined) return false;
  return atMost ? value <= limit : value >= limit;
}
