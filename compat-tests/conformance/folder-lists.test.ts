import * as fs from 'node:fs';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import * as ours from '../../lib/fs.js';
import { temporaryFolder } from '../helpers.js';

// Short lists with names in ASCII reach JavaScript as a string, all others as a Buffer.

const number = (length: number): string[] =>
  Array.from({ length }, (_, index) => String(index).padStart(4, '0'));

const folders: Record<string, readonly string[]> = {
  'no names': [],
  'one name': ['a'],
  'names in ASCII': ['b', 'a b', 'C', '~', 'long-'.repeat(20)],
  // Their number takes two bytes, of which the lower one is not ASCII.
  'many names': number(456),
  'a name beyond ASCII': ['a', 'ü', 'z'],
  'names of more than 64 KiB': number(400).map((name) => `${name}-${'x'.repeat(180)}`),
};

const manners = [
  undefined,
  'utf8',
  'latin1',
  'hex',
  'buffer',
  { withFileTypes: true },
  { withFileTypes: true, encoding: 'buffer' },
  { withFileTypes: true, encoding: 'base64' },
  { recursive: true },
  { recursive: true, withFileTypes: true },
] as const;

type Readdir = (folder: string, options: unknown) => Promise<unknown[]>;

/** Shows entries, also those of Dirents. */
function shown(entries: unknown[]): unknown[] {
  return entries.map((entry) =>
    entry instanceof fs.Dirent
      ? { name: entry.name, isFile: entry.isFile(), isDirectory: entry.isDirectory() }
      : entry,
  );
}

const root = temporaryFolder();

beforeAll(() => {
  for (const [title, names] of Object.entries(folders)) {
    const folder = path.join(root, title);
    fs.mkdirSync(folder);
    for (const [index, name] of names.entries()) {
      if (index % 7 === 3) fs.mkdirSync(path.join(folder, name));
      else fs.writeFileSync(path.join(folder, name), '');
    }
  }
});

describe.each(Object.keys(folders))('readdir() lists a folder with %s as Node does', (title) => {
  test.each(manners.map((options) => [JSON.stringify(options), options]))('%s', async (_, how) => {
    const folder = path.join(root, title);
    const listed = shown(await (fs.promises.readdir as Readdir)(folder, how));
    expect(shown(await (ours.promises.readdir as Readdir)(folder, how))).toEqual(listed);
    expect(shown(await (promisify(ours.readdir) as Readdir)(folder, how))).toEqual(listed);
  });
});

const missing = path.join(root, 'missing', 'file');

describe('a function with a callback fails as in Node', () => {
  const calls = {
    readdir: (from: typeof fs, done: fs.NoParamCallback) => from.readdir(missing, done),
    writeFile: (from: typeof fs, done: fs.NoParamCallback) => from.writeFile(missing, '', done),
    appendFile: (from: typeof fs, done: fs.NoParamCallback) => from.appendFile(missing, '', done),
  };

  test.each(Object.entries(calls))('%s()', async (_, call) => {
    const failure = (from: typeof fs): Promise<unknown[]> =>
      new Promise((resolve) => call(from, (...given) => resolve(given)));
    const [nodes] = await failure(fs);
    const given = await failure(ours as unknown as typeof fs);
    expect(given).toHaveLength(1);
    expect(given[0]).toMatchObject({ ...(nodes as Error), message: (nodes as Error).message });
  });
});

test('a signal whose reason throws fails the call with that error', async () => {
  const thrown = new Error('from the reason');
  const signal = new EventTarget() as EventTarget & { aborted: boolean };
  Object.defineProperty(signal, 'aborted', { value: false, writable: true });
  Object.defineProperty(signal, 'reason', {
    get: () => {
      throw thrown;
    },
  });
  const failed = new Promise((resolve) => {
    ours.readdir(root, { signal } as never, resolve as never);
  });
  signal.aborted = true;
  signal.dispatchEvent(new Event('abort'));
  const failure = await failed;
  // The listing may have ended before the abort reached it.
  if (failure !== null) expect(failure).toBe(thrown);
});
