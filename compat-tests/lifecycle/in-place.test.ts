import * as fs from 'node:fs';
import * as path from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import overlappedFs from '../../lib/fs.js';
import { access, engine, lstat, readFile, stat } from '../../lib/index.js';
import { isLinux, sleep, temporaryFolder, testWhere } from '../helpers.js';

// Operations that the kernel answers from memory are complete before their call returns.

const localTypes = new Set([0xef53, 0x58465342, 0x9123683e, 0xf2f52010]);
const folder = temporaryFolder();
const isLocal = isLinux && localTypes.has(fs.statfsSync(folder).type);
const testOnLocalDisk = testWhere(isLocal, 'only local file systems of Linux promise not to wait');
const file = path.join(folder, 'file');
const content = Buffer.from('content of the file');

beforeAll(async () => {
  fs.writeFileSync(file, content);
  // The first operation on a file system asks it, on a worker, whether it is local.
  await stat(file);
  await readFile(file);
});

const attemptsMax = 500;

type Counts = { submitted: number; inline: number; batches: number };

/**
 * What the engine counts while a function runs, up to its first wait. The function runs again in
 * later turns of the event loop until the counts are as expected, because a turn that has lasted
 * long, as on a busy machine, does no more work in place.
 */
async function countedDuring(run: () => Promise<unknown>, expected: Counts): Promise<Counts> {
  for (let attempt = 0; ; attempt++) {
    await sleep(5);
    const before = engine.stats();
    const running = run();
    const after = engine.stats();
    await running;
    const counts = {
      submitted: after.submitted - before.submitted,
      inline: after.inline - before.inline,
      batches: after.batches - before.batches,
    };
    if (attempt === attemptsMax || isDeepStrictEqual(counts, expected)) return counts;
  }
}

const calls: Record<string, () => Promise<unknown>> = {
  stat: () => stat(file),
  'stat of bigints': () => stat(file, { bigint: true }),
  lstat: () => lstat(file),
  access: () => access(file),
  'access for reading': () => access(file, fs.constants.R_OK),
  readFile: () => readFile(file),
  'readFile of text': () => readFile(file, 'utf8'),
  'stat with a callback': () => promisify(overlappedFs.stat)(file),
  'access with a callback': () => promisify(overlappedFs.access)(file),
  'open with a callback': async () => {
    fs.closeSync(await promisify(overlappedFs.open)(file, 'r'));
    // After something has been mounted, an operation of the engine learns again what is local.
    await stat(file);
  },
  'readFile with a callback': () => promisify(overlappedFs.readFile)(file),
};

for (const [name, call] of Object.entries(calls)) {
  testOnLocalDisk(`${name} is done before the call returns, without a batch`, async () => {
    const expected = { submitted: 1, inline: 1, batches: 0 };
    expect(await countedDuring(call, expected)).toEqual(expected);
  });
}

testOnLocalDisk('most operations that a program starts together go as a batch', async () => {
  const expected = { submitted: 8, inline: 8, batches: 0 };
  const startMany = () => Promise.all(Array.from({ length: 100 }, () => stat(file)));
  expect(await countedDuring(startMany, expected)).toEqual(expected);
  const all = await startMany();
  expect(all.map(({ size }) => size)).toEqual(Array(100).fill(content.byteLength));
});

test('results of cached files arrive in the order of the calls', async () => {
  const inOrder = ['first', 'second', 'third'];
  const order: string[] = [];
  const note = (name: string) => () => order.push(name);
  // As in countedDuring(), only what is done in place has an order.
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    await sleep(5);
    order.length = 0;
    await Promise.all([
      stat(file).then(note('first')),
      access(file).then(note('second')),
      readFile(file).then(note('third')),
    ]);
    expect([...order].sort()).toEqual(inOrder);
    if (!isLocal || isDeepStrictEqual(order, inOrder)) return;
  }
  expect(order).toEqual(inOrder);
});

test('a callback runs after its function, and an exception in it is uncaught', async () => {
  const thrown = new Error('thrown by the callback');
  let hasReturned = false;
  const caught = new Promise((resolve) => {
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', (error) => {
      for (const listener of listeners) process.on('uncaughtException', listener);
      resolve(error);
    });
  });
  overlappedFs.stat(file, () => {
    expect(hasReturned).toBe(true);
    throw thrown;
  });
  hasReturned = true;
  expect(await caught).toBe(thrown);
});

test('access answers as node:fs does', async () => {
  const script = path.join(folder, 'script');
  fs.writeFileSync(script, '', { mode: 0o555 });
  for (const place of [file, script, folder, path.join(file, 'below'), path.join(folder, 'no')]) {
    for (const mode of [0, 1, 2, 4, 5, 7]) {
      const [nodes, ours] = await Promise.allSettled([
        fs.promises.access(place, mode),
        access(place, mode),
      ]);
      if (nodes.status === 'fulfilled') expect(ours).toEqual(nodes);
      else expect({ ...(ours as PromiseRejectedResult).reason }).toEqual({ ...nodes.reason });
    }
  }
});

/** Runs again as countedDuring() does, but counts up to the end. */
async function expectInPlace(run: () => Promise<unknown>, operations: number): Promise<void> {
  await run();
  for (let attempt = 0; ; attempt++) {
    await sleep(5);
    const before = engine.stats();
    await run();
    const after = engine.stats();
    const counts = [after.submitted - before.submitted, after.inline - before.inline];
    const isInPlace = counts.every((count) => count === operations);
    if (attempt < attemptsMax && !isInPlace) continue;
    expect(counts).toEqual([operations, operations]);
    return;
  }
}

for (const options of [{}, { start: 3 }, { start: 0, end: content.byteLength - 1 }, { end: 5 }]) {
  const title = `a read stream of a cached small file with ${JSON.stringify(options)}`;
  testOnLocalDisk(`${title} runs its operations in place`, async () => {
    // Open, read and close. A stream without an end looks once more whether the file has grown.
    const operations = 'end' in options ? 3 : 4;
    await expectInPlace(async () => {
      for await (const _ of overlappedFs.createReadStream(file, options));
    }, operations);
  });
}

testOnLocalDisk('the descriptor of a cached file is used and closed in place', async () => {
  await expectInPlace(async () => {
    const fd = await promisify(overlappedFs.open)(file, 'r');
    const { size } = await promisify(overlappedFs.fstat)(fd);
    const memory = Buffer.alloc(size);
    await promisify(overlappedFs.read)(fd, memory, 0, size, 0);
    expect(memory).toEqual(content);
    await promisify(overlappedFs.close)(fd);
    expect(() => fs.fstatSync(fd)).toThrow('EBADF');
  }, 4);
});

testOnLocalDisk('only a file that was opened for reading is closed in place', async () => {
  const fd = fs.openSync(file, 'r+');
  const before = engine.stats().submitted;
  await promisify(overlappedFs.close)(fd);
  expect(engine.stats().submitted).toBe(before);
  expect(() => fs.fstatSync(fd)).toThrow('EBADF');
});
