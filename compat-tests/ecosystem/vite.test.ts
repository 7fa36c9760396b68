import * as path from 'node:path';
import { expect, test } from 'vitest';
import { packageFolder } from '../helpers.js';
import { runnerOf } from './run-program.js';
import { below } from './tree.js';

const source = path.join(packageFolder, 'compat-tests', 'ecosystem', 'fixtures', 'vite');
const { run } = runnerOf({ program: 'vite', source });

test('vite build works with node:fs', async () => {
  const { code, tree } = await run('node:fs');
  expect(code).toBe(0);
  const built = Object.keys(below(tree, 'built')).map((name) => name.replace(/-[\w-]{8}\./, '.'));
  expect(built).toEqual(
    expect.arrayContaining([
      ...['index.html', 'robots.txt', 'icon.svg', '.vite/manifest.json'],
      ...['assets/index.js', 'assets/index.js.map', 'assets/index.css'],
      ...['assets/lazy.js', 'assets/lazy.js.map', 'assets/picture.svg'],
    ]),
  );
});

test('vite build with overlapped/register: the same page, scripts, maps and output', async () => {
  const [plain, ours] = [await run('node:fs'), await run('overlapped/register')];
  expect(ours.output).toBe(plain.output);
  expect(ours.code).toBe(plain.code);
  expect(ours.tree).toEqual(plain.tree);
  expect(ours.operations).toBeGreaterThan(20);
});
