// Runs the tests that make random sequences with a new seed, and prints how to run it again.
//
//   node scripts/new-seeds.mjs [seed]
//
// `npm test` runs the same tests with a fixed seed.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const tests = path.join(root, 'compat-tests');
const seed = Number(process.argv[2] ?? randomInt(2 ** 31));

const files = fs
  .readdirSync(tests, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .filter((name) => fs.readFileSync(path.join(tests, name), 'utf8').includes('FAST_CHECK_SEED'))
  .map((name) => `compat-tests/${name.replaceAll('\\', '/')}`);

const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
const { status } = spawnSync(process.execPath, [vitest, 'run', ...files], {
  cwd: root,
  env: { ...process.env, FAST_CHECK_SEED: String(seed) },
  stdio: 'inherit',
});
console.log(`To repeat this run: npm run test:seeds -- ${seed}`);
process.exitCode = status ?? 1;
