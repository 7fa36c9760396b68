import { AsyncLocalStorage } from 'node:async_hooks';
import * as nodeFs from 'node:fs';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import ourFs from '../../lib/fs.js';
import { engine, open } from '../../lib/index.js';
import {
  distUrl,
  fileWith,
  isLinux,
  isWindows,
  makeFifo,
  openDescriptors,
  randomBytes,
  resultOfChild,
  runChild,
  temporaryFolder,
  testWhere,
  testWithFifo,
  until,
} from '../helpers.js';

// Functions of overlapped/fs on descriptors: those that Node opened, and those of our handles.

type Function = (...args: unknown[]) => unknown;
type AnyFs = Record<string, Function>;
const both = { node: nodeFs as unknown as AnyFs, ours: ourFs as unknown as AnyFs };
const content = randomBytes(100_000);
const builtFs = distUrl('fs.js');

/** The outcome of a callback function: the exception, or the arguments of the callback. */
function outcome(fs: AnyFs, name: string, args: unknown[]): Promise<unknown> {
  return new Promise((resolve) => {
    try {
      (fs[name] as Function)(...args, (...results: unknown[]) => resolve(results.map(shapeOf)));
    } catch (error) {
      resolve({ thrown: shapeOf(error) });
    }
  });
}

function shapeOf(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { name, code, errno, syscall, message } = value as NodeJS.ErrnoException;
  return { name, code, errno, syscall, message, own: Object.keys(value).sort() };
}

function submitted(): number {
  return engine.stats().submitted;
}

type MakeArguments = (fd: number) => unknown[];

function sameOnDescriptor(name: string, shown: string, makeArguments: MakeArguments): void {
  test(`${name}(${shown}) is Node's`, async () => {
    const results: unknown[] = [];
    for (const fs of [both.node, both.ours]) {
      const fd = nodeFs.openSync(fileWith(content), 'r+');
      const result = await outcome(fs, name, makeArguments(fd));
      const cursor = nodeFs.readSync(fd, Buffer.alloc(1)) && nodeFs.fstatSync(fd).size;
      const rest = nodeFs.readFileSync(fd).byteLength;
      nodeFs.closeSync(fd);
      results.push([result, cursor, rest]);
    }
    expect(results[1]).toEqual(results[0]);
  });
}

const views: Record<string, () => NodeJS.ArrayBufferView> = {
  Buffer: () => Buffer.alloc(64),
  Uint16Array: () => new Uint16Array(32),
  Float64Array: () => new Float64Array(8),
  DataView: () => new DataView(new ArrayBuffer(80), 8, 64),
};
for (const [type, make] of Object.entries(views)) {
  sameOnDescriptor('read', `fd, ${type}, 8, 40, 1000`, (fd) => [fd, make(), 8, 40, 1000]);
  sameOnDescriptor('read', `fd, ${type}, 8, 40, null`, (fd) => [fd, make(), 8, 40, null]);
  sameOnDescriptor('readv', `fd, [${type}, ${type}], 5`, (fd) => [fd, [make(), make()], 5]);
  sameOnDescriptor('writev', `fd, [${type}], 5`, (fd) => [fd, [make()], 5]);
}
const buffer = (): Buffer => Buffer.alloc(64);
const positions = [0, 1, 99_990, 100_000, 1e9, 2 ** 40, -1, -2, 1.5, NaN, '1', true, {}, undefined];
for (const position of [...positions, 0n, 5n, -1n, -2n, 2n ** 62n, 2n ** 63n - 1n, 2n ** 64n]) {
  const shown = typeof position === 'bigint' ? `${position}n` : JSON.stringify(position);
  sameOnDescriptor('read', `…, position ${shown}`, (fd) => [fd, buffer(), 0, 10, position]);
  sameOnDescriptor('read', `fd, buffer, {position: ${shown}}`, (fd) => [
    fd,
    buffer(),
    { position },
  ]);
  sameOnDescriptor('readv', `…, position ${shown}`, (fd) => [fd, [buffer()], position]);
}
for (const length of [0, 1, 64, 65, -1, 1.5, NaN, '8', null, undefined, 2 ** 32 + 8]) {
  sameOnDescriptor('read', `…, length ${length}`, (fd) => [fd, buffer(), 0, length, 0]);
  const options = { length, position: 0 };
  sameOnDescriptor('read', `fd, buffer, {length: ${length}}`, (fd) => [fd, buffer(), options]);
}
for (const offset of [0, 1, 64, 65, -1, 1.5, NaN, '8', null, undefined]) {
  sameOnDescriptor('read', `…, offset ${offset}`, (fd) => [fd, buffer(), offset, 8, 0]);
  const options = { offset, position: 0 };
  sameOnDescriptor('read', `fd, buffer, {offset: ${offset}}`, (fd) => [fd, buffer(), options]);
}
sameOnDescriptor('read', 'fd', (fd) => [fd]);
sameOnDescriptor('read', 'fd, buffer', (fd) => [fd, buffer()]);
sameOnDescriptor('read', 'fd, {buffer, position}', (fd) => [fd, { buffer: buffer(), position: 3 }]);
sameOnDescriptor('read', 'fd, buffer, null', (fd) => [fd, buffer(), null]);
sameOnDescriptor('read', 'fd, buffer, 4', (fd) => [fd, buffer(), 4]);
sameOnDescriptor('read', 'fd, empty, 0, 0, 0', (fd) => [fd, Buffer.alloc(0), 0, 0, 0]);
sameOnDescriptor('read', 'fd, no buffer, 0, 1, 0', (fd) => [fd, 'text', 0, 1, 0]);
for (const fd of [-1, 2 ** 31, 1.5, NaN, '3', null, undefined, {}, 999_999]) {
  sameOnDescriptor('read', `${fd}, …`, () => [fd, buffer(), 0, 1, 0]);
  sameOnDescriptor('readv', `${fd}, …`, () => [fd, [buffer()], 0]);
  sameOnDescriptor('close', `${fd}`, () => [fd]);
}
sameOnDescriptor('readv', 'fd, []', (fd) => [fd, [], 0]);
sameOnDescriptor('readv', 'fd, [empty]', (fd) => [fd, [Buffer.alloc(0)], 0]);
sameOnDescriptor('readv', 'fd, no list', (fd) => [fd, buffer(), 0]);
sameOnDescriptor('readv', 'fd, [text]', (fd) => [fd, ['text'], 0]);
for (const options of [undefined, 'utf8', 'hex', { encoding: 'latin1' }, {}]) {
  sameOnDescriptor('readFile', `fd, ${JSON.stringify(options)}`, (fd) => [fd, options]);
}
sameOnDescriptor('readFile', 'fd, aborted signal', (fd) => [fd, { signal: AbortSignal.abort() }]);
sameOnDescriptor('readFile', 'a number that is not open', (fd) => [fd + 1000]);
sameOnDescriptor('writeFile', 'fd, text', (fd) => [fd, 'text']);
sameOnDescriptor('appendFile', 'fd, text', (fd) => [fd, 'text']);

for (const options of [{}, { bigint: true }, { bigint: false }, { bigint: 1 }, null, 5, 'x']) {
  test(`fstat(fd, ${JSON.stringify(options)}) is Node's`, async () => {
    const fd = nodeFs.openSync(fileWith(content), 'r');
    const [nodes, ours] = [
      await outcome(both.node, 'fstat', [fd, options]),
      await outcome(both.ours, 'fstat', [fd, options]),
    ];
    nodeFs.closeSync(fd);
    expect(ours).toEqual(nodes);
  });
}
for (const fd of [-1, 2 ** 31, 1.5, NaN, '3', null, undefined, {}, 999_999]) {
  sameOnDescriptor('fstat', `${fd}`, () => [fd]);
}

const opened = fileWith(content);
const openArguments: Record<string, unknown[]> = {
  path: [opened],
  'path, flags': [opened, 'r'],
  'path, number': [opened, 0],
  'path, null': [opened, null],
  'path, flags, mode': [opened, 'r', 0o644],
  'path, flags, text': [opened, 'r', '644'],
  'path, flags, wrong text': [opened, 'r', 'all'],
  'path, flags, negative number': [opened, 'r', -1],
  'path, flags, object': [opened, 'r', {}],
  'path, wrong flags': [opened, 'read'],
  'path, flags to write': [opened, 'r+'],
  'path, flags to append': [opened, 'a'],
  Buffer: [Buffer.from(opened)],
  URL: [pathToFileURL(opened)],
  folder: [temporaryFolder(), 'r'],
  'missing file': [`${opened}.none`, 'r'],
  'file as a folder': [`${opened}/none`, 'r'],
  'path with a null byte': [`${opened}\0`],
  number: [5],
  'no path': [],
};
for (const [shown, args] of Object.entries(openArguments)) {
  test(`open(${shown}) is Node's`, async () => {
    const outcomes: unknown[] = [];
    for (const fs of [both.node, both.ours]) {
      const result = await outcome(fs, 'open', args);
      const [error, fd] = Array.isArray(result) ? result : [];
      if (typeof fd === 'number') nodeFs.closeSync(fd);
      outcomes.push(typeof fd === 'number' ? [error, 'a descriptor'] : result);
    }
    expect(outcomes[1]).toEqual(outcomes[0]);
  });
}

test("access() with a callback is Node's", async () => {
  for (const args of [[opened], [opened, 4], [opened, 8], [opened, '4'], [`${opened}.none`], [5]]) {
    const [nodes, ours] = [
      await outcome(both.node, 'access', args),
      await outcome(both.ours, 'access', args),
    ];
    expect(ours).toEqual(nodes);
  }
});

test('the descriptors that a worker has opened are closed when it ends', async () => {
  const script = `
    const code = \`
      const { parentPort, workerData } = require('node:worker_threads');
      const { promisify } = require('node:util');
      import(workerData.fs).then(async ({ default: ourFs }) => {
        await ourFs.promises.readFile(workerData.file);
        parentPort.postMessage(await promisify(ourFs.open)(workerData.file, 'r'));
      });\`;
    const given = { fs: argument, file: process.execPath };
    const worker = new Worker(code, { eval: true, workerData: given });
    const fd = await new Promise((resolve) => worker.once('message', resolve));
    await worker.terminate();
    let error;
    try {
      fs.fstatSync(fd);
    } catch (thrown) {
      error = thrown;
    }
    console.log(JSON.stringify(error?.code));`;
  expect(await resultOfChild(script, { args: [builtFs] })).toBe('EBADF');
});

test('reads at a position run on the engine, other reads on Node', async () => {
  const fd = nodeFs.openSync(fileWith(content), 'r');
  const before = submitted();
  await outcome(both.ours, 'read', [fd, buffer(), 0, 10, 0]);
  await outcome(both.ours, 'readv', [fd, [buffer()], 0]);
  await outcome(both.ours, 'readFile', [fd]);
  // On Windows a descriptor is a synchronous handle: Node serves everything.
  if (isWindows) expect(submitted()).toBe(before);
  else expect(submitted()).toBeGreaterThanOrEqual(before + 4);
  const between = submitted();
  await outcome(both.ours, 'read', [fd, buffer(), 0, 10, null]);
  expect(submitted()).toBe(between);
  nodeFs.closeSync(fd);
});

test('read() with a position leaves the cursor where readSync() does', async () => {
  const fd = nodeFs.openSync(fileWith(content), 'r');
  const seen: Buffer[] = [];
  for (let i = 0; i < 50; i++) {
    const memory = Buffer.alloc(100);
    await promisify(ourFs.read)(fd, memory, 0, 100, 50_000 + i);
    expect(memory.equals(content.subarray(50_000 + i, 50_100 + i))).toBe(true);
    const next = Buffer.alloc(10);
    nodeFs.readSync(fd, next);
    seen.push(next);
  }
  expect(Buffer.concat(seen).equals(content.subarray(0, 500))).toBe(true);
  nodeFs.closeSync(fd);
});

for (const closing of ['closeSync', 'close'] as const) {
  test(`a number that ${closing}() freed and that is reused is the new file`, async () => {
    const files = [randomBytes(200, 1), randomBytes(200, 2), randomBytes(200, 3)];
    const names = files.map((bytes) => fileWith(bytes));
    const numbers = new Set<number>();
    for (let i = 0; i < 100; i++) {
      const fd = nodeFs.openSync(names[i % 3] as string, 'r');
      numbers.add(fd);
      const memory = Buffer.alloc(200);
      await promisify(ourFs.read)(fd, memory, 0, 200, 0);
      expect(memory.equals(files[i % 3] as Buffer)).toBe(true);
      // Also with functions that this package does not know about.
      if (closing === 'closeSync') (i % 2 ? nodeFs : ourFs).closeSync(fd);
      else await promisify(i % 2 ? nodeFs.close : ourFs.close)(fd);
    }
    // Otherwise this test proves nothing.
    expect(numbers.size).toBeLessThan(50);
  });
}

testWithFifo(
  'a file that becomes a pipe under its number is read as one, and the other way',
  async () => {
    const script = `
    const { default: ourFs } = await import(argument);
    import { execFileSync } from 'node:child_process';
    import { promisify } from 'node:util';
    fs.writeFileSync('file', 'content');
    execFileSync('mkfifo', ['fifo']);
    const read = promisify(ourFs.read);
    const seen = [];
    for (const name of ['file', 'fifo', 'file', 'fifo']) {
      const fd = fs.openSync(name, 'r+');
      const result = await read(fd, Buffer.alloc(7), 0, 7, 0).catch((error) => error);
      seen.push(fd, result.code ?? result.buffer.toString());
      fs.closeSync(fd);
    }
    console.log(JSON.stringify(seen));`;
    const seen = await resultOfChild<unknown[]>(
      `process.chdir(${JSON.stringify(temporaryFolder())});${script}`,
      { args: [builtFs] },
    );
    const fd = seen[0];
    expect(seen).toEqual([fd, 'content', fd, 'ESPIPE', fd, 'content', fd, 'ESPIPE']);
  },
);

testWhere(!isWindows, "descriptors are Node's there, where nobody knows which comes first")(
  'reads that were asked for before close() or closeSync() are of the file that was open then',
  async () => {
    const [here, there] = [fileWith(content), fileWith(Buffer.alloc(content.byteLength))];
    for (const name of ['closeSync', 'close'] as const) {
      const fd = nodeFs.openSync(here, 'r');
      const read = promisify(ourFs.read);
      // More than one turn of the event loop accepts, so that some wait for the next turn.
      const reads = Array.from({ length: 2000 }, (_, i) => read(fd, buffer(), 0, 64, i));
      const closed = name === 'close' ? promisify(ourFs.close)(fd) : ourFs.closeSync(fd);
      await closed;
      const next = nodeFs.openSync(there, 'r');
      if (name === 'closeSync') expect(next).toBe(fd);
      for (const [i, { buffer: memory }] of (await Promise.all(reads)).entries()) {
        expect(memory.equals(content.subarray(i, i + 64))).toBe(true);
      }
      nodeFs.closeSync(next);
    }
  },
);

testWhere(isLinux, 'only Linux lists the descriptors of a process')(
  'reads that waited for a later turn leave no descriptor open',
  async () => {
    const file = fileWith(content);
    const fd = nodeFs.openSync(file, 'r');
    const read = promisify(ourFs.read);
    for (let round = 0; round < 5; round++) {
      await Promise.all(Array.from({ length: 2000 }, (_, i) => read(fd, buffer(), 0, 64, i)));
    }
    await until(() => openDescriptors(file) === 1);
    nodeFs.closeSync(fd);
  },
);

testWithFifo('read() of a FIFO without a position waits without blocking others', async () => {
  const fifo = makeFifo();
  const pipe = nodeFs.openSync(fifo, 'r+');
  const disk = nodeFs.openSync(fileWith(content), 'r');
  const waiting = promisify(ourFs.read)(pipe, Buffer.alloc(4), 0, 4, null);
  expect((await promisify(ourFs.read)(disk, buffer(), 0, 64, 0)).bytesRead).toBe(64);
  nodeFs.writeSync(pipe, 'text');
  expect((await waiting).buffer.toString()).toBe('text');
  nodeFs.closeSync(pipe);
  nodeFs.closeSync(disk);
});

test('the descriptor of a handle works in the functions of node:fs', async () => {
  const handle = await open(fileWith(content), 'r+');
  const read = await promisify(ourFs.read)(handle.fd, buffer(), 0, 64, 10);
  expect(read.buffer.equals(content.subarray(10, 74))).toBe(true);
  expect(nodeFs.fstatSync(handle.fd).size).toBe(content.byteLength);
  expect(nodeFs.writeSync(handle.fd, 'abc', 10)).toBe(3);
  expect((await handle.read(Buffer.alloc(3), 0, 3, 10)).buffer.toString()).toBe('abc');
  await handle.close();
});

test('descriptors of many files, read, closed and reopened concurrently', async () => {
  const files = Array.from({ length: 40 }, (_, seed) => randomBytes(5000, seed + 1));
  const names = files.map((bytes) => fileWith(bytes));
  const readOne = async (index: number): Promise<void> => {
    for (let i = 0; i < 20; i++) {
      const which = (index + i) % 40;
      const fd = await promisify(ourFs.open)(names[which] as string, 'r');
      const memory = Buffer.alloc(1000);
      await promisify(ourFs.read)(fd, memory, 0, 1000, i * 100);
      expect(memory.equals((files[which] as Buffer).subarray(i * 100, i * 100 + 1000))).toBe(true);
      await promisify(ourFs.close)(fd);
    }
  };
  await Promise.all(files.map((_, index) => readOne(index)));
});

test('a callback runs in the asynchronous context of its call', async () => {
  const storage = new AsyncLocalStorage<string>();
  const fd = nodeFs.openSync(fileWith(content), 'r');
  const seen = await Promise.all(
    ['one', 'two'].map((name) =>
      storage.run(name, () => {
        return new Promise((resolve) => {
          ourFs.read(fd, buffer(), 0, 10, 0, () => resolve(storage.getStore()));
        });
      }),
    ),
  );
  expect(seen).toEqual(['one', 'two']);
  nodeFs.closeSync(fd);
});

test('an error thrown by the callback of read() is an uncaught exception', async () => {
  const script = `
    const { default: ourFs } = await import(argument);
    process.on('uncaughtException', (error) => console.log(JSON.stringify(error.message)));
    const fd = fs.openSync(process.execPath, 'r');
    ourFs.read(fd, Buffer.alloc(10), 0, 10, 0, () => { throw new Error('thrown'); });`;
  expect(await resultOfChild(script, { args: [builtFs] })).toBe('thrown');
});

test('standard input, as descriptor 0', async () => {
  const file = fileWith('from a file');
  const script = `
    import { spawnSync } from 'node:child_process';
    const input = fs.openSync(${JSON.stringify(file)}, 'r');
    const script = \`
      import ourFs from '\${argument}';
      ourFs.read(0, Buffer.alloc(4), 0, 4, 5, (error, bytes, buffer) => {
        ourFs.readFile(0, 'utf8', (error, text) => {
          ourFs.writeFileSync(\${JSON.stringify(process.argv[3])},
            JSON.stringify([bytes, buffer.toString(), error, text]));
        });
      });\`;
    fs.writeFileSync(process.argv[3] + '.mjs', script);
    spawnSync(process.execPath, [process.argv[3] + '.mjs'],
      { stdio: [input, 'ignore', 'ignore'] });
    console.log(fs.readFileSync(process.argv[3], 'utf8'));`;
  const output = fileWith('');
  const result = await resultOfChild(script, { args: [builtFs, output] });
  expect(result).toEqual([4, 'a fi', null, 'from a file']);
});

test('a worker reads a descriptor that the main thread has opened', async () => {
  const file = fileWith('content of the file');
  const script = `
    const { default: ourFs } = await import(argument);
    const fd = fs.openSync(${JSON.stringify(file)}, 'r');
    const code = \`
      const { parentPort, workerData } = require('node:worker_threads');
      import('\${argument}').then(({ default: ourFs }) => {
        ourFs.read(workerData, Buffer.alloc(7), 0, 7, 11, (error, bytes, buffer) => {
          parentPort.postMessage(buffer.toString());
        });
      });\`;
    const worker = new Worker(code, { eval: true, workerData: fd });
    console.log(JSON.stringify((await once(worker, 'message'))[0]));`;
  expect(await resultOfChild(script, { args: [builtFs] })).toBe('the fil');
});

test('programs exit while reads are in flight', async () => {
  const script = `
    const { default: ourFs } = await import(argument);
    const fd = fs.openSync(process.execPath, 'r');
    for (let i = 0; i < 200; i++) ourFs.read(fd, Buffer.alloc(1e6), 0, 1e6, i * 1000, () => {});
    setImmediate(() => process.exit(0));`;
  expect(await runChild(script, { args: [builtFs] })).toMatchObject({ code: 0, stderr: '' });
});
