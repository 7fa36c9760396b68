import * as fs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import {
  isLinux,
  packageFolder,
  randomBytes,
  runChild,
  temporaryFolder,
  testWhere,
  unbufferedFolder,
} from '../helpers.js';

const demo = pathToFileURL(path.join(packageFolder, 'dist', 'cli', 'copy-demo.js')).href;

function runDemo(...args: readonly string[]) {
  return runChild(`await import(${JSON.stringify(demo)});`, { args });
}

/** One line for the user, no stack, no temporary file beside the destination. */
async function expectRefusal(args: readonly string[], code: number, text: RegExp): Promise<void> {
  const result = await runDemo(...args);
  expect(result.code).toBe(code);
  expect(result.stderr).toMatch(text);
  expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
}

const data = randomBytes(3_000_001);

async function folderWithSource(): Promise<{ folder: string; source: string; names: string[] }> {
  const folder = await unbufferedFolder();
  const source = path.join(folder, 'source');
  fs.writeFileSync(source, data);
  return { folder, source, names: ['probe', 'source'] };
}

test('the demo copies, verifies, compares, and leaves the copy alone behind', async () => {
  const { folder, source, names } = await folderWithSource();
  const destination = path.join(folder, 'destination');
  const result = await runDemo(source, destination);
  expect(result.stderr).toBe('');
  expect(result.code).toBe(0);
  expect(result.stdout).toMatch(new RegExp(`engine +${process.env.OVERLAPPED_ENGINE}`));
  expect(result.stdout).toMatch(/verified +3,000,001 bytes/);
  expect(result.stdout).toMatch(/ratio +[\d.]+x +[\d.]+x/);
  expect(fs.readFileSync(destination).equals(data)).toBe(true);
  expect(fs.readdirSync(folder).sort()).toEqual(['destination', ...names]);
});

test('without arguments the demo makes a sample and removes it', async () => {
  const before = process.cwd();
  const result = await runDemo('--sample-size', '2000001', '--no-compare');
  expect(result.stderr).toBe('');
  expect(result.code).toBe(0);
  const folder = path.dirname(/^source +(.*)$/m.exec(result.stdout)?.[1] ?? before);
  expect(fs.existsSync(folder)).toBe(false);
});

test('bad command lines end with code 2 and a line', async () => {
  await expectRefusal(['--nonsense'], 2, /Unknown option '--nonsense'/);
  await expectRefusal(['only-one'], 2, /the destination is missing/);
  await expectRefusal(['--depth', '0', 'a', 'b'], 2, /--depth must be/);
  await expectRefusal(['--chunk-size', '1X', 'a', 'b'], 2, /--chunk-size must be/);
});

test('a source or a destination that will not do ends with code 1 and a line', async () => {
  const { folder, source, names } = await folderWithSource();
  await expectRefusal([path.join(folder, 'none'), path.join(folder, 'to')], 1, /ENOENT/);
  await expectRefusal([folder, path.join(folder, 'to')], 1, /EISDIR/);
  await expectRefusal([source, folder], 1, /EISDIR/);
  await expectRefusal([source, path.join(folder, 'none', 'to')], 1, /ENOENT/);
  expect(fs.readdirSync(folder).sort()).toEqual(names);
});

test('a file is not copied onto itself, whatever it is called', async () => {
  const { folder, source } = await folderWithSource();
  const hard = path.join(folder, 'hard');
  fs.linkSync(source, hard);
  await expectRefusal([source, source], 1, /same file/);
  await expectRefusal([source, hard], 1, /same file/);
  expect(fs.readFileSync(source).equals(data)).toBe(true);
});

testWhere(isLinux, 'only Linux is sure to have a file system that refuses direct I/O (/proc)')(
  'where direct I/O is refused the line names the file and the way on',
  async () => {
    const to = path.join(temporaryFolder(), 'to');
    await expectRefusal(['/proc/version', to], 1, /'\/proc\/version' refuses direct.*--buffered/);
    expect(fs.existsSync(to)).toBe(false);
  },
);
