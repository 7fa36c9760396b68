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

/** A number with as many places, or a dash where there is none. */
export function shown(value, places = 2, unit = '') {
  return value === null || value === undefined ? '-' : `${value.toFixed(places)}${unit}`;
}

/**
 * Prints what the figures are held against.
 * @param {{ what: string, value: number, limit: number, atMost?: boolean }[]} checks
 * @returns {boolean} whether all passed
 */
export function printChecks(checks) {
  console.log('\nChecks');
  for (const check of checks) {
    const relation = check.atMost ? 'at most' : 'at least';
    const verdict = passes(check) ? 'PASS' : 'FAIL';
    console.log(
      `  ${verdict}  ${check.what}: ${check.value.toFixed(2)}x (${relation} ${check.limit}x)`,
    );
  }
  return checks.every(passes);
}

export function passes({ value, limit, atMost = false }) {
  return atMost ? value <= limit : value >= limit;
}
