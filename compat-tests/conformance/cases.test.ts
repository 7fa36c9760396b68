import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import * as overlapped from '../../lib/index.js';
import { packageFolder, temporaryFolder, testWhere } from '../helpers.js';
import { caseGroups } from './all-cases.js';
import { type Case, type LooseFs, runCase } from './case.js';
import type { Outcome } from './observe.js';

// Each case is run with node:fs/promises and with this package, each in a folder of its own: value
// or error, and the tree afterwards, must be the same.

const nodePromises = fs.promises as unknown as LooseFs;
const ours = overlapped as unknown as LooseFs;

const differences = fs.readFileSync(path.join(packageFolder, 'docs', 'delegated.md'), 'utf8');

function run(item: Case, promises: LooseFs, name: string): Promise<Outcome> {
  // A folder of the same length for both, since lengths of paths have their limits.
  const folder = path.join(temporaryFolder(), name);
  fs.mkdirSync(folder);
  return runCase(item, promises, fs, folder);
}

/** What Node does, checked for being what the case is about. */
async function wantedOutcome(item: Case): Promise<Outcome> {
  const wanted = await run(item, nodePromises, 'one');
  const code = wanted.error ? (wanted.error.code ?? wanted.error.message) : 'ok';
  if (item.expected !== undefined) {
    expect(code, 'what node:fs/promises does').toBe(item.expected);
  } else if (wanted.error) {
    expect(wanted.error.code, `${wanted.error.text}: an error of the case?`).toBeDefined();
  }
  return wanted;
}

for (const [group, cases] of Object.entries(caseGroups)) {
  describe(group, () => {
    for (const item of cases) {
      testWhere(item.skip === undefined, item.skip ?? '')(item.name, async () => {
        const wanted = await wantedOutcome(item);
        const outcome = await run(item, ours, 'two');
        if (item.differs === undefined) return expect(outcome).toEqual(wanted);
        expect(outcome).not.toEqual(wanted);
        expect(differences).toContain(item.differs);
      });
    }
  });
}

test('there are 600 cases or more, and each has a name of its own', () => {
  const names = Object.entries(caseGroups).flatMap(([group, cases]) =>
    cases.map(({ name }) => `${group}: ${name}`),
  );
  expect(names.length).toBeGreaterThanOrEqual(600);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});
