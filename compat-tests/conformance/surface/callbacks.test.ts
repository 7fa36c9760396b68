import nodeFs from 'node:fs';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import overlappedFs from '../../../lib/fs.js';
import { builtModule, fileWith, randomBytes, runChild, temporaryFolder } from '../../helpers.js';

type Function = (...args: unknown[]) => unknown;
type Fs = Record<string, Function>;

interface Place {
  fs: Fs;
  folder: string;
  file: string;
  missing: string;
}
const content = randomBytes(5000);

/** Calls a function with a callback and returns everything observable. */
async function outcomeOf(place: Place, name: string, args: unknown[]): Promise<unknown> {
  let thrown: unknown;
  let returned: unknown;
  let early = true;
  let wasEarly = false;
  const called = new Promise<unknown[]>((resolve) => {
    const callback = (...results: unknown[]): void => {
      wasEarly = early;
      resolve(results);
    };
    try {
      returned = (place.fs[name] as Function)(...args, callback);
    } catch (error) {
      thrown = error;
      resolve([]);
    }
    early = false;
  });
  const results = await called;
  const shown = results.map((value) => shapeOf(value, place));
  return { returned, thrown: shapeOf(thrown, place), wasEarly, results: shown, ...stateOf(place) };
}

function shapeOf(value: unknown, { folder }: Place): unknown {
  if (value instanceof nodeFs.Stats) return [value.isFile(), value.size];
  if (!(value instanceof Error)) return value;
  const { name, code, errno, syscall, message, path: where } = value as NodeJS.ErrnoException;
  const shown = [message, where].map((text) => text?.replaceAll(folder, '<folder>'));
  return { name, code, errno, syscall, shown };
}

function stateOf({ file, missing }: Place): { files: unknown[] } {
  const read = (name: string): unknown =>
    nodeFs.existsSync(name) ? nodeFs.readFileSync(name, 'hex') : undefined;
  return { files: [read(file), read(missing)] };
}

type Arguments = (place: Omit<Place, 'fs'>) => unknown[];

/** Declares a test that a callback function of overlapped/fs behaves like that of node:fs. */
function sameCallback(name: string, shown: string, makeArguments: Arguments): void {
  test(`${name} ${shown}`, async () => {
    const outcomes: unknown[] = [];
    for (const fs of [nodeFs, overlappedFs]) {
      const folder = temporaryFolder();
      const file = path.join(folder, 'file');
      nodeFs.writeFileSync(file, content);
      const place = { fs: fs as unknown as Fs, folder, file, missing: path.join(folder, 'new') };
      const args = makeArguments(place);
      outcomes.push(await outcomeOf(place, name, args));
      // Windows does not remove a folder whose files are open.
      if (shown === 'of a descriptor') nodeFs.closeSync(args[0] as number);
    }
    expect(outcomes[1]).toEqual(outcomes[0]);
  });
}

sameCallback('readFile', 'of a file', ({ file }) => [file]);
sameCallback('readFile', 'with an encoding', ({ file }) => [file, 'hex']);
sameCallback('readFile', 'with options', ({ file }) => [file, { encoding: 'base64', flag: 'r+' }]);
sameCallback('readFile', 'of no file', ({ missing }) => [missing, null]);
sameCallback('readFile', 'of a folder', ({ folder }) => [folder]);
sameCallback('readFile', 'of a descriptor', ({ file }) => [nodeFs.openSync(file, 'r'), 'hex']);
sameCallback('readFile', 'of a bad descriptor', () => [987_654]);
sameCallback('readFile', 'of an object', () => [{}]);
sameCallback('readFile', 'with a bad encoding', ({ file }) => [file, 'no-encoding']);
sameCallback('readFile', "with the encoding 'buffer'", ({ file }) => [file, 'buffer']);
sameCallback('readFile', "of a folder with the encoding 'buffer'", ({ folder }) => [
  folder,
  { encoding: 'buffer' },
]);
sameCallback('readFile', 'with a bad flag', ({ file }) => [file, { flag: 'zz' }]);
sameCallback('readFile', 'with too large a flag', ({ file }) => [file, { flag: 2 ** 40 }]);
sameCallback('readFile', 'with a number for options', ({ file }) => [file, 5]);
sameCallback('readFile', 'with a null byte', () => ['a\0b']);

for (const name of ['writeFile', 'appendFile']) {
  sameCallback(name, 'of a string', ({ file }) => [file, 'new']);
  sameCallback(name, 'of a buffer', ({ missing }) => [missing, Buffer.from('new')]);
  sameCallback(name, 'of a view', ({ file }) => [file, new Uint16Array([1, 2, 3])]);
  sameCallback(name, 'with an encoding', ({ file }) => [file, 'abcd', 'hex']);
  sameCallback(name, "with the encoding 'buffer'", ({ file }) => [file, 'new', 'buffer']);
  sameCallback(name, 'with flush', ({ file }) => [file, 'new', { flush: true }]);
  // Options may be an instance of a class with getters.
  sameCallback(name, 'with inherited options', ({ file }) => [
    file,
    'abcd',
    Object.create({ encoding: 'hex', flag: 'r+' }),
  ]);
  sameCallback(name, 'with inherited options and flush', ({ file }) => [
    file,
    'abcd',
    Object.create({ encoding: 'hex', flag: 'r+', flush: true }),
  ]);
  sameCallback(name, 'with a flag', ({ file }) => [file, 'new', { flag: 'r+' }]);
  sameCallback(name, 'with flag wx', ({ file }) => [file, 'new', { flag: 'wx' }]);
  sameCallback(name, 'of a descriptor', ({ file }) => [nodeFs.openSync(file, 'r+'), 'new']);
  sameCallback(name, 'of an array', ({ file }) => [file, ['a']]);
  sameCallback(name, 'of a number', ({ file }) => [file, 5]);
  sameCallback(name, 'to an object', () => [{}, 'new']);
  sameCallback(name, 'with a bad mode', ({ file }) => [file, 'new', { mode: 'zz' }]);
  sameCallback(name, 'with a bad flush', ({ file }) => [file, 'new', { flush: 1 }]);
  sameCallback(name, 'to a folder', ({ folder }) => [folder, 'new']);
}

for (const name of ['stat', 'lstat']) {
  sameCallback(name, 'of a file', ({ file }) => [file]);
  sameCallback(name, 'with options', ({ file }) => [file, { bigint: false }]);
  sameCallback(name, 'with undefined options', ({ file }) => [file, undefined]);
  sameCallback(name, 'with an encoding', ({ file }) => [file, { encoding: 'utf8' }]);
  sameCallback(name, 'with a bad encoding', ({ file }) => [file, { encoding: 'no-encoding' }]);
  for (const options of [5, 'text', true, []]) {
    sameCallback(name, `with ${JSON.stringify(options)} for options`, ({ file }) => [
      file,
      options,
    ]);
  }
  sameCallback(name, 'of no file', ({ missing }) => [missing]);
  sameCallback(name, 'of a number', () => [5]);
}
sameCallback('lstat', 'with null options', ({ file }) => [file, null]);
sameCallback('readdir', 'of a folder', ({ folder }) => [folder]);
sameCallback('readdir', 'in Buffers', ({ folder }) => [folder, 'buffer']);
sameCallback('readdir', 'of a file', ({ file }) => [file]);
sameCallback('readdir', 'with a bad recursive', ({ folder }) => [folder, { recursive: 1 }]);
sameCallback('rm', 'of a file', ({ file }) => [file]);
sameCallback('rm', 'of no file by force', ({ missing }) => [missing, { force: true }]);
sameCallback('rm', 'of no file', ({ missing }) => [missing]);
sameCallback('rm', 'with a bad option', ({ file }) => [file, { force: 1 }]);
sameCallback('rm', 'of a folder', ({ folder }) => [folder]);

for (const name of ['readFile', 'writeFile', 'appendFile', 'stat', 'lstat', 'readdir']) {
  test(`${name} without a callback throws at once`, () => {
    const call = (fs: unknown) => () => ((fs as Fs)[name] as Function)('path', 'data', undefined);
    const expected = /"cb" argument must be of type function/;
    expect(call(nodeFs)).toThrow(expected);
    expect(call(overlappedFs)).toThrow(expected);
  });
}

test('promisify() gives the same results as with node:fs', async () => {
  const file = fileWith(content);
  expect(await promisify(overlappedFs.readFile)(file)).toEqual(content);
  expect((await promisify(overlappedFs.stat)(file)).size).toBe(content.byteLength);
  expect(await promisify(overlappedFs.exists)(file)).toBe(true);
  const fd = nodeFs.openSync(file, 'r');
  const buffer = Buffer.alloc(10);
  expect(await promisify(overlappedFs.read)(fd, buffer, 0, 10, 0)).toEqual({
    bytesRead: 10,
    buffer,
  });
  nodeFs.closeSync(fd);
});

test('an abort reaches the callback after the function has returned', async () => {
  const options = { signal: AbortSignal.abort('reason') };
  for (const args of [
    ['readFile', 'x', options],
    ['writeFile', 'x', 'data', options],
  ]) {
    const [name, ...rest] = args as [string, ...unknown[]];
    let returned = false;
    const error = await new Promise((resolve) => {
      ((overlappedFs as unknown as Fs)[name] as Function)(...rest, (failure: unknown) => {
        expect(returned).toBe(true);
        resolve(failure);
      });
      returned = true;
    });
    expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: 'reason' });
  }
});

test('an error thrown by a callback is uncaught, and the callback runs only once', async () => {
  const script = `
    import { pathToFileURL } from 'node:url';
    const { default: overlapped } = await import(pathToFileURL(argument).href);
    let calls = 0;
    process.on('uncaughtException', (error, origin) => console.log(error.message, origin));
    process.on('exit', () => console.log('calls', calls));
    const callback = (error) => { calls++; throw new Error(error ? 'failed' : 'done'); };
    overlapped.stat(process.execPath, callback);
    overlapped.readFile('no such file', callback);
  `;
  const fs = path.join(path.dirname(builtModule), 'fs.js');
  const { stdout } = await runChild(script, { args: [fs] });
  expect(stdout.trim().split('\n').sort()).toEqual([
    'calls 2',
    'done uncaughtException',
    'failed uncaughtException',
  ]);
});
