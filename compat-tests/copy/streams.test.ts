import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { copy } from '../../lib/index.js';
import { mainModule, parseLines } from '../cli/command.js';
import {
  isWindows,
  randomBytes,
  rejection,
  sha256,
  sha256OfFile,
  temporaryFolder,
  testWhere,
  unbufferedFolder,
} from '../helpers.js';

const MiB = 1024 * 1024;
const content = randomBytes(2 * MiB + 77);

async function paths() {
  const folder = await unbufferedFolder();
  fs.rmSync(path.join(folder, 'probe'), { force: true });
  const [image, copied] = [path.join(folder, 'image'), path.join(folder, 'copied')];
  fs.writeFileSync(image, content);
  return { folder, image, copied, names: () => fs.readdirSync(folder).sort() };
}

describe.each([
  ['buffered', {}],
  ['unbuffered', { unbuffered: true }],
  ['with holes', { sparse: 'always' as const }],
  ['unbuffered with holes', { sparse: 'always' as const, unbuffered: true }],
  ['not atomic', { atomic: false }],
])('%s', (_name, options) => {
  test('a stream is copied to a file', async () => {
    const { copied, folder } = await paths();
    const bytes = Buffer.concat([content, Buffer.alloc(3 * MiB), content.subarray(0, 999)]);
    const done = await copy(Readable.from(slices(bytes)), copied, { ...options, verify: true });
    expect(done).toMatchObject({ kind: 'file', bytes: bytes.byteLength, verified: true });
    expect(done.hash).toBe(sha256(bytes));
    expect(sha256OfFile(copied)).toBe(done.hash);
    expect(fs.readdirSync(folder).sort()).toEqual(['copied', 'image']);
  });
});

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.byteLength; at += 100_000) yield bytes.subarray(at, at + 100_000);
}

test('a file is copied to a stream, which ends', async () => {
  const { image } = await paths();
  const through = new PassThrough();
  const totals = new Set<number>();
  const copying = copy(image, through, {
    hash: 'sha256',
    onProgress: ({ total }) => totals.add(total),
  });
  expect(sha256(await buffer(through))).toBe(sha256(content));
  expect((await copying).hash).toBe(sha256(content));
  expect([...totals]).toEqual([content.byteLength]);
});

test('a stream that fails leaves no file, and an old file as it was', async () => {
  const { copied, names } = await paths();
  fs.writeFileSync(copied, 'old');
  const failure = new Error('no more');
  async function* failing() {
    yield content;
    throw failure;
  }
  expect(await rejection(copy(failing(), copied))).toBe(failure);
  expect(fs.readFileSync(copied, 'utf8')).toBe('old');
  expect(names()).toEqual(['copied', 'image']);
});

test('iterators may return plain results and thenables, and throw', async () => {
  const { copied } = await paths();
  const failure = new Error('no more');
  const results: (() => unknown)[] = [
    () => ({ value: 'one, ', done: false }),
    // biome-ignore lint/suspicious/noThenProperty: an iterator of another library
    () => ({ then: (settle: (result: object) => void) => settle({ value: 'two', done: false }) }),
  ];
  const iterable = (last: () => unknown) => {
    const calls = [...results, last];
    const iterator = { next: () => calls.shift()?.(), return: () => ({ done: true }) };
    return { [Symbol.asyncIterator]: () => iterator } as unknown as AsyncIterable<string>;
  };
  await copy(
    iterable(() => ({ done: true })),
    copied,
  );
  expect(fs.readFileSync(copied, 'utf8')).toBe('one, two');
  const throwing = iterable(() => {
    throw failure;
  });
  expect(await rejection(copy(throwing, copied))).toBe(failure);
});

test('a copy from a stream that yields nothing can be aborted', async () => {
  const { copied, names } = await paths();
  const silent = new PassThrough();
  const signal = AbortSignal.timeout(50);
  expect((await rejection(copy(silent, copied, { signal }))).name).toBe('AbortError');
  expect(silent.destroyed).toBe(true);
  expect(names()).toEqual(['image']);
});

test('a destination that fails ends the copy with its error', async () => {
  const { image } = await paths();
  const failure = new Error('full');
  const full = new Writable({ write: (_chunk, _encoding, done) => done(failure) });
  expect(await rejection(copy(image, full))).toBe(failure);
});

test('an existing file that force: false protects stays, and the stream is destroyed', async () => {
  const { copied, names } = await paths();
  fs.writeFileSync(copied, 'old');
  const source = Readable.from(slices(content));
  const done = await copy(source, copied, { force: false, manifest: `${copied}.sums` });
  expect(done).toMatchObject({ kind: 'file', strategy: 'none', bytes: 0 });
  expect(source.destroyed).toBe(true);
  const refused = Readable.from(slices(content));
  const error = await rejection(copy(refused, copied, { force: false, errorOnExist: true }));
  expect(error).toMatchObject({ code: 'EEXIST', path: '-', dest: copied });
  expect(refused.destroyed).toBe(true);
  expect(fs.readFileSync(copied, 'utf8')).toBe('old');
  expect(names()).toEqual(['copied', 'image']);
});

test('errors of the streams themselves stay as they are', async () => {
  const { folder, image, copied, names } = await paths();
  const missing = path.join(folder, 'missing', 'file');
  const from = await rejection(copy(fs.createReadStream(missing), copied));
  expect(from).toMatchObject({ code: 'ENOENT', path: missing });
  const to = await rejection(copy(image, fs.createWriteStream(missing)));
  expect(to).toMatchObject({ code: 'ENOENT', path: missing });
  const sums = path.join(folder, 'missing', 'sums');
  const unread = fs.createReadStream(missing);
  const noManifest = await rejection(copy(unread, copied, { manifest: sums }));
  expect(noManifest).toMatchObject({ code: 'ENOENT', path: sums });
  expect(unread.destroyed).toBe(true);
  const source = await rejection(copy(missing, new PassThrough()));
  expect(source).toMatchObject({ code: 'ENOENT', path: missing, dest: '-' });
  expect(names()).toEqual(['image']);
});

testWhere(!isWindows, 'Windows has no modes')(
  'a file that a stream overwrites keeps its mode with keepAccess',
  async () => {
    const { copied } = await paths();
    fs.writeFileSync(copied, 'old');
    fs.chmodSync(copied, 0o640);
    await copy(Readable.from(slices(content)), copied, { keepAccess: true });
    expect(sha256OfFile(copied)).toBe(sha256(content));
    expect(fs.statSync(copied).mode & 0o777).toBe(0o640);
  },
);

test('options that need a file at both ends are refused', async () => {
  const { image, copied } = await paths();
  for (const refused of [
    () => copy(Readable.from([content]), copied, { resume: true }),
    () => copy(Readable.from([content]), copied, { update: 'inplace' }),
    () => copy(Readable.from([content]), copied, { retries: 1 }),
    () => copy(Readable.from([content]), copied, { badSectors: 'zero' }),
    () => copy(Readable.from([content]), copied, { strategy: 'clone' }),
    () => copy(Readable.from([content]), copied, { metadata: { times: true } }),
    () => copy(image, new PassThrough(), { verify: true }),
    () => copy(image, new PassThrough(), { sparse: 'always' }),
    () => copy(Readable.from([content]), new PassThrough() as unknown as string),
  ]) {
    expect(await rejection(refused())).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  }
  const wrong = copy(Readable.from([{}]) as AsyncIterable<Uint8Array>, copied);
  expect(await rejection(wrong)).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
});

// ---- The command

type Stdio = 'pipe' | 'ignore' | number;

/** Starts the command with these standard streams. */
function start(args: readonly string[], stdin: Stdio = 'pipe', stdout: Stdio = 'pipe') {
  const child = spawn(process.execPath, [mainModule, ...args], { stdio: [stdin, stdout, 'pipe'] });
  const stderr = buffer(child.stderr as Readable);
  const ended = once(child, 'close') as Promise<[number | null]>;
  return { child, stderr, ended };
}

test('stdin is copied to a file, with progress of unknown size', async () => {
  const { copied } = await paths();
  const { child, ended } = start(['copy', '-', copied, '--json', '--hash', 'sha256']);
  const stdout = buffer(child.stdout as Readable);
  Readable.from(slices(content)).pipe(child.stdin as Writable);
  const lines = parseLines((await stdout).toString());
  expect(await ended).toEqual([0, null]);
  expect(lines[0]).toMatchObject({ type: 'progress', phase: 'copy', total: 0, secondsLeft: null });
  expect(lines.at(-1)).toMatchObject({ bytes: content.byteLength, hash: sha256(content) });
  expect(sha256OfFile(copied)).toBe(sha256(content));
});

test('a file is copied to stdout, and the result goes to stderr', async () => {
  const { image } = await paths();
  const { child, stderr, ended } = start(['copy', image, '-', '--json', '-q'], 'ignore');
  expect(sha256(await buffer(child.stdout as Readable))).toBe(sha256(content));
  expect(await ended).toEqual([0, null]);
  const lines = parseLines((await stderr).toString());
  expect(lines).toMatchObject([{ type: 'result', bytes: content.byteLength }]);
});

test('files serve as stdin and stdout, from and to where they are', async () => {
  const { image, copied } = await paths();
  fs.writeFileSync(copied, 'head');
  const [input, output] = [fs.openSync(image, 'r'), fs.openSync(copied, 'a')];
  fs.readSync(input, Buffer.alloc(1000));
  const saved = `${copied}-saved`;
  expect(await start(['copy', '-', saved, '-q'], input, 'ignore').ended).toEqual([0, null]);
  expect(await start(['copy', saved, '-', '-q'], 'ignore', output).ended).toEqual([0, null]);
  fs.closeSync(input);
  fs.closeSync(output);
  const expected = Buffer.concat([Buffer.from('head'), content.subarray(1000)]);
  expect(sha256OfFile(copied)).toBe(sha256(expected));
});

test('a reader that leaves ends the command quietly', async () => {
  const { image } = await paths();
  const { child, stderr, ended } = start(['copy', image, '-', '-q'], 'ignore');
  const [first] = (await once(child.stdout as Readable, 'data')) as [Buffer];
  expect(first.byteLength).toBeGreaterThan(0);
  child.stdout?.destroy();
  expect(await ended).toEqual([141, null]);
  expect((await stderr).toString()).toBe('');
});

const testWithSignals = testWhere(!isWindows, 'Windows has no signals');

testWithSignals('a signal ends a copy from an idle stdin, and leaves nothing', async () => {
  const { copied, names } = await paths();
  const { child, ended } = start(['copy', '-', copied]);
  child.stdin?.write('data');
  while (names().length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGINT');
  expect(await ended).toEqual([130, null]);
  expect(names()).toEqual(['image']);
});

test('both ends cannot be standard streams, and a folder is none', async () => {
  const both = start(['copy', '-', '-'], 'ignore');
  expect((await both.ended)[0]).toBe(2);
  expect((await both.stderr).toString()).toContain('cannot be both');
  const folder = start(['copy', temporaryFolder(), '-'], 'ignore');
  expect((await folder.ended)[0]).toBe(1);
  expect((await folder.stderr).toString()).toContain('EISDIR');
});
