import * as path from 'node:path';
import { expect, test } from 'vitest';
import {
  fileWith,
  isLinux,
  isWindows,
  makeFifo,
  packageFolder,
  randomBytes,
  resultOfChild,
  testWhere,
  testWithFifo,
} from '../helpers.js';

/**
 * A script that starts worker threads, terminates each once it has operations in flight, and prints
 * the exit codes of the threads.
 */
function terminating(start: string, { rounds = 5 } = {}): string {
  return `
    if (!isMainThread) {
      const argument = workerData;
      ${start}
      parentPort.postMessage('started');
      parentPort.on('message', () => {});
    } else {
      const codes = [];
      for (let round = 0; round < ${rounds}; round++) {
        const worker = new Worker(new URL(import.meta.url), { workerData: argument });
        const [message] = await once(worker, 'message');
        if (message !== 'started') throw new Error(message);
        codes.push(await worker.terminate());
      }
      // The main thread has another engine, which still works.
      await readFile(new URL(import.meta.url));
      console.log(JSON.stringify(codes));
    }`;
}

const loopsOnFile = `
  const handle = await open(argument, 'r+');
  for (let lane = 0; lane < 64; lane++) {
    const buffer = Buffer.alloc(65536);
    (async () => {
      for (let i = lane; ; i++) {
        await handle.read(buffer, 0, 65536, i % 16 * 65536);
        await handle.write(buffer, 0, 512, 1048576 + lane * 512);
      }
    })();
  }
  await turn();`;
const readsOnFifo = `
  const handles = await Promise.all(Array.from({ length: 100 }, () => open(argument, 'r+')));
  for (const handle of handles) handle.read(Buffer.alloc(16)).catch(() => {});
  await turn();`;

const terminated = 1;

test('terminate() of threads that read and write a file continuously', async () => {
  const file = fileWith(randomBytes(1024 * 1024));
  const codes = await resultOfChild(terminating(loopsOnFile), { args: [file] });
  expect(codes).toEqual(new Array(5).fill(terminated));
});

testWithFifo('terminate() of threads with reads that never complete', async () => {
  const script = terminating(readsOnFifo);
  const codes = await resultOfChild(script, { args: [makeFifo()] });
  expect(codes).toEqual(new Array(5).fill(terminated));
});

testWithFifo('terminate() of threads with opens that never complete', async () => {
  const start = `for (let i = 0; i < 20; i++) open(argument, 'r').catch(() => {}); await turn();`;
  const codes = await resultOfChild(terminating(start), { args: [makeFifo()] });
  expect(codes).toEqual(new Array(5).fill(terminated));
});

test('terminate() of threads that await one short operation of workers after another', async () => {
  const start = `
    const handle = await open(argument, 'r+');
    for (let i = 0; i < 2000; i++) await handle.truncate(i % 7);
    (async () => {
      for (let i = 0; ; i++) await handle.truncate(i % 7);
    })();
    await turn();`;
  const codes = await resultOfChild(terminating(start), { args: [fileWith('content')] });
  expect(codes).toEqual(new Array(5).fill(terminated));
});

test('process.exit() in a thread with reads in flight ends only that thread', async () => {
  const script = `
    if (!isMainThread) {
      const argument = workerData;
      ${loopsOnFile}
      process.exit(7);
    }
    const worker = new Worker(new URL(import.meta.url), { workerData: argument });
    const [code] = await once(worker, 'exit');
    const text = await readFile(new URL(import.meta.url), 'utf8');
    console.log(JSON.stringify({ code, works: text.length > 0 }));`;
  const file = fileWith(randomBytes(1024 * 1024));
  const result = await resultOfChild(script, { args: [file] });
  expect(result).toEqual({ code: 7, works: true });
});

test('process.exit() of the main thread while threads have reads in flight', async () => {
  const script = `
    if (!isMainThread) {
      const argument = workerData;
      ${loopsOnFile}
      parentPort.postMessage('started');
    } else {
      const workers = Array.from({ length: 3 }, () =>
        new Worker(new URL(import.meta.url), { workerData: argument }));
      await Promise.all(workers.map((worker) => once(worker, 'message')));
      console.log(JSON.stringify('exiting'));
      process.exit(0);
    }`;
  const file = fileWith(randomBytes(1024 * 1024));
  expect(await resultOfChild(script, { args: [file] })).toBe('exiting');
});

testWhere(isLinux, 'descriptors are counted under /proc')(
  'a terminated thread leaves no descriptor and no thread behind',
  async () => {
    const script = `
      if (!isMainThread) {
        const argument = workerData;
        ${loopsOnFile}
        parentPort.postMessage('started');
      } else {
        const count = (what) => fs.readdirSync('/proc/self/' + what).length;
        const counts = [];
        const look = () => ({ descriptors: count('fd'), threads: count('task') });
        // The system ends threads and closes rings a little later.
        const settled = async () => {
          let seen = look();
          for (let same = 0; same < 10; ) {
            await sleep(20);
            const next = look();
            same = JSON.stringify(next) === JSON.stringify(seen) ? same + 1 : 0;
            seen = next;
          }
          return seen;
        };
        const isMore = (a, b) => a.descriptors > b.descriptors || a.threads > b.threads;
        for (let round = 0; round < 12; round++) {
          const worker = new Worker(new URL(import.meta.url), { workerData: argument });
          await once(worker, 'message');
          await worker.terminate();
          counts.push(await settled());
        }
        // Node itself may start some threads in the first rounds.
        const first = counts[4];
        let last = counts.at(-1);
        for (let tries = 0; isMore(last, first) && tries < 100; tries++) last = await settled();
        console.log(JSON.stringify({ first, last }));
      }`;
    const file = fileWith(randomBytes(1024 * 1024));
    const options = { args: [file] };
    type Counts = { descriptors: number; threads: number };
    const { first, last } = await resultOfChild<{ first: Counts; last: Counts }>(script, options);
    expect(last.descriptors).toBeLessThanOrEqual(first.descriptors);
    expect(last.threads).toBeLessThanOrEqual(first.threads);
  },
);

const addonFolder = isWindows ? 'prebuilds/win32-x64' : 'build/Release';
const addon = path.join(packageFolder, addonFolder, 'overlapped.node');

test('a thread that is terminated while it loads the addon does not end the process', async () => {
  const script = `
    const load = \`
      const { parentPort, workerData } = require('node:worker_threads');
      parentPort.postMessage('started');
      for (;;) process.dlopen({ exports: {} }, workerData);\`;
    for (let round = 0; round < 20; round++) {
      const worker = new Worker(load, { eval: true, workerData: argument });
      await once(worker, 'message');
      await sleep(round % 10);
      await worker.terminate();
    }
    console.log(JSON.stringify('survived'));`;
  expect(await resultOfChild(script, { args: [addon] })).toBe('survived');
});
