import * as path from 'node:path';
import { expect, test } from 'vitest';
import { packageFolder } from '../helpers.js';
import { runnerOf } from './run-program.js';

const source = path.join(packageFolder, 'compat-tests', 'ecosystem', 'fixtures', 'tsc');
const { run } = runnerOf({ program: 'tsc', source });

test('tsc with node:fs compiles, and finds the mistakes', async () => {
  const { code, output, tree } = await run('node:fs');
  expect(code).toBe(2);
  expect(output).toContain("src/mistake.ts(4,14): error TS2322: Type 'string' is not");
  expect(output).toContain('src/mistake.ts(1,10): error TS2305');
  for (const name of ['index', 'mistake', 'shapes/index', 'text']) {
    for (const end of ['js', 'js.map', 'd.ts', 'd.ts.map']) {
      expect(Object.keys(tree)).toContain(`built/${name}.${end}`);
    }
  }
});

// tsc only calls synchronous functions, of which only closeSync is ours: the engine serves none.
test('tsc with overlapped/register: the same output, code and files', async () => {
  const [plain, ours] = [await run('node:fs'), await run('overlapped/register')];
  expect(ours.output).toBe(plain.output);
  expect(ours.code).toBe(plain.code);
  expect(ours.tree).toEqual(plain.tree);
});
