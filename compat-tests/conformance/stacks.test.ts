import * as nodeFs from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import ourFs from '../../lib/fs.js';
import * as ours from '../../lib/index.js';
import { packageFolder, temporaryFolder } from '../helpers.js';

// The stack of an error leads to the function that awaits the operation, as Node's does, and
// contains no function of this package.

// Vitest installs a hook that maps frames to sources.
const hook = Error.prepareStackTrace;
beforeAll(() => {
  delete (Error as Partial<typeof Error>).prepareStackTrace;
});
afterAll(() => {
  Error.prepareStackTrace = hook;
});

type Functions = typeof nodeFs.promises;
type Handle = nodeFs.promises.FileHandle;

const missing = '/no/such/folder/file';
const large = Buffer.alloc(3 * 1024 * 1024);

const calls: Record<string, (fs: Functions) => Promise<unknown>> = {
  open: (fs) => fs.open(missing),
  stat: (fs) => fs.stat(missing),
  lstat: (fs) => fs.lstat(missing),
  readFile: (fs) => fs.readFile(missing),
  'readFile with an encoding': (fs) => fs.readFile(missing, 'utf8'),
  'readFile of a directory': (fs) => fs.readFile('/'),
  writeFile: (fs) => fs.writeFile(missing, 'data'),
  'writeFile in parts': (fs) => fs.writeFile(missing, large),
  appendFile: (fs) => fs.appendFile(missing, 'data'),
  readdir: (fs) => fs.readdir(missing),
  'readdir with types': (fs) => fs.readdir(missing, { withFileTypes: true }),
  'readdir of all below': (fs) => fs.readdir(missing, { recursive: true }),
  rm: (fs) => fs.rm(missing),
  'rm of all below': (fs) => fs.rm(missing, { recursive: true }),
  truncate: (fs) => fs.truncate(missing),
  copyFile: (fs) => fs.copyFile(missing, `${missing}-copy`),
  'open with a wrong path': (fs) => fs.open(5 as never),
  'stat with a wrong path': (fs) => fs.stat(5n as never),
  'readFile with wrong options': (fs) => fs.readFile(missing, { encoding: 'no' as never }),
  'writeFile with wrong data': (fs) => fs.writeFile(missing, 5 as never),
  'readdir with a wrong path': (fs) => fs.readdir(null as never),
  'rm with wrong options': (fs) => fs.rm(missing, { maxRetries: 'many' as never }),
  'readFile with an aborted signal': (fs) =>
    fs.readFile(missing, { signal: AbortSignal.abort() as never }),
};

// These use a handle that is open for reading only.
const handleCalls: Record<string, (handle: Handle) => Promise<unknown>> = {
  write: (handle) => handle.write(large, 0, 10, 0),
  'write at the cursor': (handle) => handle.write(large),
  'write of a string': (handle) => handle.write('text'),
  writev: (handle) => handle.writev([large], 0),
  'writev at the cursor': (handle) => handle.writev([large]),
  writeFile: (handle) => handle.writeFile(large),
  truncate: (handle) => handle.truncate(1),
  'read with a wrong length': (handle) => handle.read(Buffer.alloc(4), 0, 9),
  'read with a wrong buffer': (handle) => handle.read(5 as never),
  'readv of no list': (handle) => handle.readv(5 as never),
  'readFile with wrong options': (handle) => handle.readFile({ encoding: 'no' as never }),
};

const closedCalls: Record<string, (handle: Handle) => Promise<unknown>> = {
  read: (handle) => handle.read(Buffer.alloc(4)),
  stat: (handle) => handle.stat(),
  readFile: (handle) => handle.readFile(),
};

async function theCaller(call: () => Promise<unknown>): Promise<unknown> {
  return await call();
}

async function stackOf(call: () => Promise<unknown>): Promise<string> {
  const error = await theCaller(call).then(
    () => new Error('It did not fail'),
    (reason: Error) => reason,
  );
  expect(error.message).not.toBe('It did not fail');
  return error.stack as string;
}

const ownFolders = ['dist', 'build/tests'].map(
  (folder) => path.join(packageFolder, folder) + path.sep,
);

// The stack of Node's own rm() does not lead to its caller.
function expectAlike(ourStack: string, nodeStack: string): void {
  expect(ourStack).toContain('theCaller');
  const ownFrames = ourStack
    .split('\n')
    .filter((line) => ownFolders.some((folder) => line.replaceAll('/', path.sep).includes(folder)));
  expect(ownFrames).toEqual([]);
  expect(ourStack.split('\n')[0]?.split(':')[0]).toBe(nodeStack.split('\n')[0]?.split(':')[0]);
}

for (const [name, call] of Object.entries(calls)) {
  test(`the stack of ${name} leads to the caller`, async () => {
    const nodeStack = await stackOf(() => call(nodeFs.promises));
    const ourStack = await stackOf(() => call(ours as unknown as Functions));
    expectAlike(ourStack, nodeStack);
  });
}

async function handles(): Promise<{ node: Handle; our: Handle }> {
  const file = path.join(temporaryFolder(), 'file');
  nodeFs.writeFileSync(file, 'content');
  return {
    node: await nodeFs.promises.open(file),
    our: (await ours.open(file)) as unknown as Handle,
  };
}

for (const [name, call] of Object.entries(handleCalls)) {
  test(`the stack of a handle's ${name} leads to the caller`, async () => {
    const { node, our } = await handles();
    const nodeStack = await stackOf(() => call(node));
    const ourStack = await stackOf(() => call(our));
    await node.close();
    await our.close();
    expectAlike(ourStack, nodeStack);
  });
}

for (const [name, call] of Object.entries(closedCalls)) {
  test(`the stack of ${name} on a closed handle leads to the caller`, async () => {
    const { node, our } = await handles();
    await node.close();
    await our.close();
    expectAlike(await stackOf(() => call(our)), await stackOf(() => call(node)));
  });
}

const ownErrors: Record<string, (file: string) => Promise<unknown>> = {
  'copying a file to itself': (file) => ours.copy(file, file),
  'a mirror that would delete too much': (file) =>
    ours.mirror(nodeFs.mkdtempSync(`${file}-empty`), path.dirname(file)),
  'a read that is not aligned': async (file) => {
    const handle = await ours.open(file, 'r', { unbuffered: true });
    try {
      return await handle.read(Buffer.alloc(4), 0, 4, 1);
    } finally {
      await handle.close();
    }
  },
};

for (const [name, call] of Object.entries(ownErrors)) {
  test(`the stack of ${name} leads to the caller`, async () => {
    const file = path.join(temporaryFolder(), 'file');
    nodeFs.writeFileSync(file, 'content');
    const stack = await stackOf(() => call(file));
    expectAlike(stack, stack);
  });
}

test('the stacks of calls that wait for the cursor lead to their callers', async () => {
  const { node, our } = await handles();
  const stacks = await Promise.all(
    Array.from({ length: 4 }, () => stackOf(() => our.write(large, 0, 10))),
  );
  await node.close();
  await our.close();
  for (const stack of stacks) expect(stack).toContain('theCaller');
});

test('a stackTraceLimit of the program is respected', async () => {
  const before = Error.stackTraceLimit;
  try {
    Error.stackTraceLimit = 1;
    const stack = await stackOf(() => ours.readFile(missing));
    expect(stack.split('\n')).toHaveLength(2);
    Error.stackTraceLimit = 0;
    expect((await stackOf(() => ours.stat(missing))).split('\n')).toHaveLength(1);
    expect(Error.stackTraceLimit).toBe(0);
  } finally {
    Error.stackTraceLimit = before;
  }
});

test('a hook of the program receives the frames of the error itself', async () => {
  const before = Error.prepareStackTrace;
  const seen: unknown[] = [];
  try {
    Error.prepareStackTrace = (error, frames) => {
      seen.push(error);
      return frames.length;
    };
    for (const call of [
      () => ours.readFile(missing),
      () => ours.stat(missing),
      () => ours.readFile(5 as never),
    ]) {
      const error = (await theCaller(call).catch((reason: unknown) => reason)) as Error;
      expect(typeof error.stack).toBe('number');
      expect(seen.at(-1)).toBe(error);
    }
  } finally {
    Error.prepareStackTrace = before;
  }
});

type Fs = typeof nodeFs;
type Done = (error: unknown) => void;

// Errors that a callback or a stream reports, and a mistake that throws in the caller.
const reports: Record<string, (fs: Fs, done: Done) => void> = {
  'the callback of readFile': (fs, done) => fs.readFile(missing, done),
  'the callback of writeFile': (fs, done) => fs.writeFile(missing, 'data', done),
  'the callback of stat': (fs, done) => fs.stat(missing, done),
  'the callback of readdir': (fs, done) => fs.readdir(missing, done),
  'the callback of rm': (fs, done) => fs.rm(missing, done),
  'the callback of read': (fs, done) => fs.read(999, Buffer.alloc(4), 0, 4, 0, done),
  'a read stream': (fs, done) => fs.createReadStream(missing).on('error', done),
  'a read stream of a folder': (fs, done) => fs.createReadStream('/').on('error', done).resume(),
  'a write stream': (fs, done) => fs.createWriteStream(missing).on('error', done).end('data'),
  'stat with a wrong path': (fs, done) => fs.stat({} as never, done),
};

function theReporter(run: (done: Done) => void, done: Done): void {
  run(done);
}

function reportOf(run: (done: Done) => void): Promise<string> {
  return new Promise((resolve) => {
    const done: Done = (error) => resolve((error as Error).stack as string);
    try {
      theReporter(run, done);
    } catch (error) {
      done(error);
    }
  });
}

for (const [name, report] of Object.entries(reports)) {
  test(`the stack of the error of ${name} leads where Node's does`, async () => {
    const ofNode = await reportOf((done) => report(nodeFs, done));
    const ofOurs = await reportOf((done) => report(ourFs as unknown as Fs, done));
    const ownFrames = ofOurs.split('\n').filter((line) => {
      const place = line.replaceAll('/', path.sep);
      return ownFolders.some((folder) => place.includes(folder));
    });
    expect(ownFrames).toEqual([]);
    expect(ofOurs.split('\n')[0]).toBe(ofNode.split('\n')[0]);
    expect(ofOurs.includes('theReporter')).toBe(ofNode.includes('theReporter'));
  });
}

for (const name of ['createReadStream', 'createWriteStream'] as const) {
  test(`a mistake in the arguments of ${name}() leads to the caller`, () => {
    for (const args of [[5], ['file', { start: -1 }], ['file', 5], ['file', { fd: 'text' }]]) {
      let stack: string | undefined;
      try {
        Reflect.apply(ourFs[name], undefined, args);
      } catch (error) {
        ({ stack } = error as Error);
      }
      expect(stack).toContain('stacks.test.ts');
      for (const folder of ownFolders) expect(stack).not.toContain(folder);
    }
  });
}
