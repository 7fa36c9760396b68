import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import * as overlapped from '../../lib/index.js';
import { isWindows, packageFolder, temporaryFolder, testWhere } from '../helpers.js';
import { caseGroups } from './all-cases.js';
import { type Case, type LooseFs, runCase } from './case.js';
import type { Outcome } from './observe.js';

// Each case runs with node:fs/promises and with this package, each in a separate folder. The value
// or error, and the resulting tree, must be the same.

const nodePromises = fs.promises as unknown as LooseFs;
const ours = overlapped as unknown as LooseFs;

const differences = fs.readFileSync(path.join(packageFolder, 'docs', 'delegated.md'), 'utf8');

const parent = temporaryFolder();
let runs = 0;

async function run(item: Case, promises: LooseFs, name: 'one' | 'two'): Promise<Outcome> {
  // Both folders have names of the same length, because path lengths are limited.
  const folder = path.join(parent, `${name}-${String(runs++).padStart(5, '0')}`);
  fs.mkdirSync(folder);
  const outcome = await runCase(item, promises, fs, folder);
  // Removed immediately, because removing thousands at the end would exceed a hook's time limit.
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  return outcome;
}

/** Why a case does not run; undefined if it does. */
function reasonToSkip({ name, skip }: Case): string | undefined {
  if (skip !== undefined || !isWindows) return skip;
  // File operations are slow under Wine.
  const called = /^\w+/.exec(name)?.[0] as keyof LooseFs;
  const isDelegated = called in ours && ours[called] === nodePromises[called];
  return isDelegated ? "it is Node's own function, compared on Linux" : undefined;
}

/** Node's outcome, checked against the expectation of the case. */
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
      const reason = reasonToSkip(item);
      testWhere(reason === undefined, reason ?? '')(item.name, async () => {
        const wanted = await wantedOutcome(item);
        const outcome = await run(item, ours, 'two');
        if (item.differs === undefined) return expect(outcome).toEqual(wanted);
        expect(outcome).not.toEqual(wanted);
        expect(differences).toContain(item.differs);
      });
    }
  });
}

test('there are at least 600 cases, and their names are unique', () => {
  const names = Object.entries(caseGroups).flatMap(([group, cases]) =>
    cases.map(({ name }) => `${group}: ${name}`),
  );
  expect(names.length).toBeGreaterThanOrEqual(600);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});
