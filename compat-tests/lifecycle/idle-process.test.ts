import { expect, test } from 'vitest';
import { fileWith, resultOfChild, runChild } from '../helpers.js';

const clean = { code: 0, signal: null, stderr: '' };

test('a process with only idle open handles exits by itself', async () => {
  const script = `
    globalThis.handles = await Promise.all(Array.from({ length: 10 }, () => open(argument)));
    for (const handle of handles) await handle.read(Buffer.alloc(4), 0, 4, 0);`;
  expect(await runChild(script, { args: [fileWith('content')] })).toMatchObject(clean);
});

test('a process that has only loaded the package exits by itself', async () => {
  expect(await runChild('engine.kind;')).toMatchObject(clean);
});

test('a process does not exit before its operations have settled', async () => {
  const script = `
    open(argument, 'r+').then((handle) => {
      for (let i = 0; i < 100; i++) {
        handle.write(Buffer.alloc(65536, 1), 0, 65536, i * 65536);
      }
      handle.sync().then(() => handle.close()).then(() => {
        console.log(JSON.stringify(engine.stats().inFlight));
      });
    });`;
  expect(await resultOfChild(script, { args: [fileWith('')] })).toBe(0);
});

test('a thread with only an idle open handle ends by itself', async () => {
  const script = `
    if (isMainThread) {
      const worker = new Worker(new URL(import.meta.url), { argv: [argument] });
      const [code] = await once(worker, 'exit');
      console.log(JSON.stringify(code));
    } else {
      globalThis.handle = await open(argument);
      await handle.read(Buffer.alloc(4), 0, 4, 0);
    }`;
  expect(await resultOfChild(script, { args: [fileWith('content')] })).toBe(0);
});

// Between short operations that only workers do, workers and the event loop may stay awake.
test('a process that awaited many short operations on workers exits by itself', async () => {
  const script = `
    const handle = await open(argument, 'r+');
    for (let i = 0; i < 3000; i++) await handle.truncate(i % 7);
    console.log(JSON.stringify(engine.stats().inFlight));`;
  expect(await resultOfChild(script, { args: [fileWith('content')] })).toBe(0);
});
