import { expect, test } from 'vitest';
import { fileWith, resultOfChild, runChild } from '../helpers.js';

test('an exception in a then() becomes an unhandledRejection, and reads continue', async () => {
  const script = `
    const reasons = [];
    process.on('unhandledRejection', (reason) => reasons.push(reason.message));
    const handle = await open(argument);
    const reads = Array.from({ length: 10 }, (_, i) => {
      const read = handle.read(Buffer.alloc(7), 0, 7, 0);
      read.then(() => { throw new Error('thrown ' + i); });
      return read;
    });
    const results = await Promise.all(reads);
    await turn();
    const after = await handle.read(Buffer.alloc(7), 0, 7, 0);
    await handle.close();
    const right = [...results, after].filter(({ buffer }) => buffer.toString() === 'content');
    // Completions arrive in any order.
    console.log(JSON.stringify({ reasons: reasons.sort(), right: right.length }));`;
  const result = await resultOfChild(script, { args: [fileWith('content')] });
  const reasons = Array.from({ length: 10 }, (_, i) => `thrown ${i}`);
  expect(result).toEqual({ reasons, right: 11 });
});

test('an unhandled rejection ends the process with code 1 and is named', async () => {
  const script = `open('/no/such/file/anywhere'); await sleep(30_000);`;
  const { code, stderr } = await runChild(script);
  expect(code).toBe(1);
  expect(stderr).toContain('ENOENT');
});

test('an exception in a microtask of a completion reaches uncaughtException', async () => {
  const script = `
    const handle = await open(argument);
    const caught = once(process, 'uncaughtException');
    handle.read(Buffer.alloc(7), 0, 7, 0).then(() => {
      queueMicrotask(() => { throw new Error('thrown in a microtask'); });
    });
    const [error] = await caught;
    const { bytesRead } = await handle.read(Buffer.alloc(7), 0, 7, 0);
    console.log(JSON.stringify({ message: error.message, bytesRead }));`;
  const result = await resultOfChild(script, { args: [fileWith('content')] });
  expect(result).toEqual({ message: 'thrown in a microtask', bytesRead: 7 });
});
