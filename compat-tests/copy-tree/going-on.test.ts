import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { type CopyTreeOptions, copyTree, engine, open, verifyTree } from '../../lib/index.js';
import { symbolicLinks } from '../ecosystem/tree.js';
import {
  distUrl,
  isWindows,
  randomBytes,
  rejection,
  resultOfChild,
  settled,
  sleep,
  temporaryFolder,
  testWhere,
} from '../helpers.js';
import { folderOf, largeSize, namesIn, newPlace, richTree, whole } from './trees.js';

const testWithLinks = testWhere(symbolicLinks, 'this user may make no symbolic links here');
const testOnPosix = testWhere(!isWindows, 'a process is not killed there in the middle of a call');

/** Creates a tree of many small files and some large ones. */
function manyFiles(): string {
  const content: Record<string, Buffer> = {};
  for (let i = 0; i < 1000; i++) content[`d${i % 7}/f${i}`] = randomBytes(1 + ((i * 97) % 9000), i);
  for (let i = 0; i < 4; i++) content[`large/${i}`] = randomBytes(largeSize, i);
  return folderOf(content);
}

/** Checks that every file under its own name equals its source, and that no other names exist. */
function checkNothingHalf(source: string, to: string): void {
  for (const name of namesIn(to)) {
    const from = path.join(source, name);
    const isTemporary = path.basename(name).startsWith('.overlapped-');
    if (isTemporary || fs.statSync(from).isDirectory()) continue;
    expect(fs.readFileSync(path.join(to, name)).equals(fs.readFileSync(from)), name).toBe(true);
  }
}

test('an abort leaves no partial files and nothing in flight; a new copy completes', async () => {
  const source = manyFiles();
  const to = newPlace();
  let [copied, aborted] = [0, 0];
  for (const files of [1, 50, 200]) {
    const controller = new AbortController();
    const options: CopyTreeOptions = {
      signal: controller.signal,
      onProgress: (progress) => {
        if (progress.files >= copied + files) controller.abort(new Error('enough'));
      },
    };
    // Files get their names in groups, so a later copy may have few left, and complete.
    const { error } = await settled(copyTree(source, to, options));
    if (error !== undefined) aborted++;
    if (error !== undefined) expect(error.name).toBe('AbortError');
    expect(engine.stats().inFlight).toBe(0);
    checkNothingHalf(source, to);
    expect(namesIn(to).filter((name) => name.includes('.overlapped-'))).toEqual([]);
    copied = namesIn(to).filter((name) => fs.statSync(path.join(to, name)).isFile()).length;
  }
  expect(aborted).toBeGreaterThan(0);
  expect(copied).toBeGreaterThan(200);
  const report = await copyTree(source, to);
  expect(report.errors).toEqual([]);
  expect(report.skipped).toBe(copied);
  expect(whole(to)).toEqual(whole(source));
});

const script = `
  import { copyTree } from ${JSON.stringify(distUrl('index.js'))};
  const [from, to] = process.argv.slice(2);
  const { errors } = await copyTree(from, to);
  if (errors.length > 0) throw errors[0].error;
`;

testOnPosix('kill -9 at any moment leaves no wrong file, and a second copy completes', async () => {
  const source = manyFiles();
  const to = newPlace();
  const file = path.join(temporaryFolder(), 'copy.mjs');
  fs.writeFileSync(file, script);
  let killed = 0;
  for (let i = 0; i < 12; i++) {
    const child = spawn(process.execPath, [file, source, to], { stdio: 'ignore' });
    const exit = once(child, 'exit');
    // Wait until the copy has begun.
    while (child.exitCode === null && !fs.existsSync(to)) await sleep(1);
    await sleep(((i * 37) % 12) * 10);
    child.kill('SIGKILL');
    const [, signal] = await exit;
    if (signal === 'SIGKILL') killed++;
    if (fs.existsSync(to)) checkNothingHalf(source, to);
    // A new destination now and then, so that copies are also killed at their beginning.
    if (i % 4 === 3) fs.rmSync(to, { recursive: true, force: true });
  }
  expect(killed).toBeGreaterThan(3);
  await settled(copyTree(source, to, { signal: AbortSignal.timeout(20) }));
  expect((await copyTree(source, to)).errors).toEqual([]);
  // The remains of the killed copies have been removed too.
  expect(whole(to)).toEqual(whole(source));
  expect((await verifyTree(source, to)).differences).toEqual([]);
});

test('an abandoned temporary file is removed, that of a live process is kept', async () => {
  const source = folderOf({ 'a/file': 'x' });
  const nameOf = (digit: string): string => `a/.overlapped-${digit.repeat(32)}.tmp`;
  const [left, live] = [nameOf('0'), nameOf('1')];
  // A copy with `resume` continues this file.
  const partial = 'a/.overlapped-0123456789abcdef01234567.partial';
  const to = folderOf({ [left]: '', [live]: 'half', [partial]: 'half' });
  const handle = await open(path.join(to, live), 'r+');
  // On Windows an open handle is enough.
  if (!isWindows) await handle.lock();
  const report = await copyTree(source, to, { delete: true });
  expect(report).toMatchObject({ errors: [], deleted: 0 });
  expect(namesIn(to)).toEqual(['a', partial, live, 'a/file'].sort());
  await handle.close();
  await copyTree(source, to, { delete: true });
  expect(namesIn(to)).toEqual(['a', partial, 'a/file'].sort());
});

test('folders that are deleted or replaced go with the unfinished files in them', async () => {
  const source = folderOf({ replaced: 'a file', kept: 'k' });
  const partial = '.overlapped-0123456789abcdef01234567.partial';
  const names = ['', 'gone/deep/', 'replaced/'].flatMap((folder) => [
    `${folder}${partial}`,
    `${folder}${partial}.json`,
  ]);
  const to = folderOf(Object.fromEntries(names.map((name) => [name, 'half'])));
  const report = await copyTree(source, to, { delete: true });
  expect(report).toMatchObject({ errors: [], deleted: 7 });
  expect(namesIn(to)).toEqual([partial, `${partial}.json`, 'kept', 'replaced']);
});

test('a folder is not copied into itself under any name', async () => {
  const source = richTree();
  const before = whole(source);
  const parent = path.dirname(source);
  for (const inside of [source, path.join(source, 'new', 'deep'), path.join(source, 'bin', '..')]) {
    const error = await rejection(copyTree(source, inside));
    expect(error).toMatchObject({ code: 'EINVAL', syscall: 'copyTree', path: source });
  }
  // The source's parent would be deleted along with it.
  const error = await rejection(copyTree(source, parent, { delete: true }));
  expect(error.code).toBe('EINVAL');
  expect(whole(source)).toEqual(before);
});

testWithLinks('nor by a link', async () => {
  const source = folderOf({ 'a/b': 'x' });
  const link = path.join(temporaryFolder(), 'link');
  fs.symlinkSync(path.join(source, 'a'), link, 'dir');
  expect((await rejection(copyTree(source, path.join(link, 'new')))).code).toBe('EINVAL');
  expect((await rejection(copyTree(link, path.join(source, 'a')))).code).toBe('EINVAL');
  // A link to a folder is accepted as a source.
  const to = newPlace();
  expect(await copyTree(link, to)).toMatchObject({ files: 1, errors: [] });
  expect(namesIn(to)).toEqual(['b']);
});

test('two simultaneous copies to one destination do not disturb each other', async () => {
  const source = manyFiles();
  const to = newPlace();
  const script = `
    const { copyTree } = await import(argument);
    const [, from, to] = process.argv.slice(2);
    const code = \`
      import { parentPort, workerData } from 'node:worker_threads';
      const { copyTree } = await import(workerData.url);
      parentPort.postMessage((await copyTree(workerData.from, workerData.to)).errors);
    \`;
    const url = new URL('data:text/javascript,' + encodeURIComponent(code));
    const run = () => new Promise((resolve, reject) => {
      const worker = new Worker(url, { workerData: { url: argument, from, to } });
      worker.on('message', resolve).on('error', reject);
    });
    const reports = await Promise.all([run(), run(), copyTree(from, to).then((r) => r.errors)]);
    console.log(JSON.stringify(reports.flat().map(({ error }) => String(error))));
  `;
  const args = [distUrl('index.js'), source, to];
  expect(await resultOfChild<string[]>(script, { args })).toEqual([]);
  expect((await copyTree(source, to)).errors).toEqual([]);
  expect(whole(to)).toEqual(whole(source));
});

test('invalid arguments are rejected before anything is created', async () => {
  const source = folderOf({ file: 'x' });
  const to = newPlace();
  const wrong: [unknown, string][] = [
    [{ concurrency: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ concurrency: '4' }, 'ERR_INVALID_ARG_TYPE'],
    [{ include: 'a' }, 'ERR_INVALID_ARG_TYPE'],
    [{ exclude: [1] }, 'ERR_INVALID_ARG_TYPE'],
    [{ delete: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ signal: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ signal: AbortSignal.abort() }, 'ABORT_ERR'],
    [null, 'ERR_INVALID_ARG_TYPE'],
  ];
  for (const [options, code] of wrong) {
    const error = await rejection(copyTree(source, to, options as CopyTreeOptions));
    expect(error.code, JSON.stringify(options)).toBe(code);
  }
  expect((await rejection(copyTree(path.join(source, 'file'), to))).code).toBe('ENOTDIR');
  expect((await rejection(copyTree(newPlace(), to))).code).toBe('ENOENT');
  expect((await rejection(copyTree(source, path.join(source, 'file')))).code).toBe('EINVAL');
  const elsewhere = path.join(folderOf({ file: 'x' }), 'file');
  expect((await rejection(copyTree(source, elsewhere))).code).toBe('ENOTDIR');
  expect(fs.existsSync(to)).toBe(false);
});

test('a destination that cannot be created stops the copy with an error', async () => {
  const source = folderOf({ file: 'x' });
  const to = path.join(folderOf({ file: 'x' }), 'file', 'below');
  const outcome = await settled(copyTree(source, to));
  const codes = ['ENOTDIR', 'ENOENT', 'EEXIST'];
  expect(codes).toContain(outcome.error?.code ?? firstCode(outcome.value));
});

function firstCode(report: unknown): string | undefined {
  const { errors } = report as { errors: { error: NodeJS.ErrnoException }[] };
  return errors[0]?.error.code;
}
