// Streams that are aborted, fail or get another descriptor at moments that few programs choose.

import { once } from 'node:events';
import fs from 'node:fs';
import * as path from 'node:path';
import type { Stream } from 'node:stream';
import { expect, test } from 'vitest';
import { createReadStream, createWriteStream } from '../../lib/fs.js';
import { open } from '../../lib/index.js';
import { fileWith, isWindows, rejection, sleep, testWhere, unbufferedFolder } from '../helpers.js';

for (const kind of ['createReadStream', 'createWriteStream'] as const) {
  test(`${kind}() of a handle with an aborted signal fails once, and nothing else`, async () => {
    const handle = await open(fileWith('text'), 'r+');
    const errors: unknown[] = [];
    const stream: Stream = handle[kind]({ signal: AbortSignal.abort() } as never);
    stream.on('error', (error) => errors.push(error));
    // An uncaught exception within this time would fail the test.
    const closing = new Promise((resolve) => stream.once('close', resolve));
    await Promise.all([closing, sleep(100)]);
    expect(errors).toMatchObject([{ code: 'ABORT_ERR' }]);
    await handle.close();
  });
}

test('a handle closes although its stream has failed and does not close it', async () => {
  const handle = await open(fileWith('text'), 'r');
  const stream = handle.createWriteStream({ autoClose: false });
  stream.write('refused');
  const [error] = await once(stream, 'error');
  expect(error).toMatchObject({ code: 'EBADF' });
  await handle.close();
  expect(stream.destroyed).toBe(true);
  expect(await rejection(handle.stat())).toMatchObject({ code: 'EBADF' });
});

// On Windows a descriptor of a stream is a second one, for other code.
const testWithDescriptors = testWhere(!isWindows, 'the stream does not own its descriptor');

testWithDescriptors(
  'a descriptor that is assigned when a file is open is read instead',
  async () => {
    const stream = createReadStream(fileWith('first'));
    const [before] = await once(stream, 'open');
    Object.assign(stream, { fd: fs.openSync(fileWith('second'), 'r') });
    expect(Buffer.concat(await stream.toArray()).toString()).toBe('second');
    // The program owns the file that the stream has opened.
    expect(fs.readSync(before, Buffer.alloc(5))).toBe(5);
    fs.closeSync(before);
  },
);

testWithDescriptors('a descriptor that is assigned when a file is open is written', async () => {
  const [first, second] = [fileWith(''), fileWith('')];
  const stream = createWriteStream(first);
  const [before] = await once(stream, 'open');
  Object.assign(stream, { fd: fs.openSync(second, 'w') });
  stream.end('text');
  await once(stream, 'close');
  expect(fs.readFileSync(first, 'utf8')).toBe('');
  expect(fs.readFileSync(second, 'utf8')).toBe('text');
  fs.closeSync(before);
});

test('several chunks of a stream that is destroyed fail with the error of writev', async () => {
  const stream = createWriteStream(fileWith(''));
  await once(stream, 'ready');
  const errors: unknown[] = [];
  stream.cork();
  for (const chunk of ['a', 'b']) stream.write(chunk, (error) => errors.push(error));
  stream.uncork();
  stream.destroy();
  await once(stream, 'close');
  expect(errors).toMatchObject([
    { message: 'Cannot call writev after a stream was destroyed' },
    { message: 'Cannot call writev after a stream was destroyed' },
  ]);
});

test('a handle that is in use closes after a stream of it was aborted at once', async () => {
  const handle = await open(fileWith('text'), 'r');
  const reading = handle.readFile('utf8');
  const stream: Stream = handle.createReadStream({ signal: AbortSignal.abort() });
  stream.on('error', () => {});
  expect(await reading).toBe('text');
  await handle.close();
  expect(handle.fd).toBe(-1);
});

test('an unbuffered stream that is corked after its end finishes', async () => {
  const file = path.join(await unbufferedFolder(), 'file');
  const stream = createWriteStream(file, { unbuffered: true });
  stream.end('text');
  process.nextTick(() => {
    stream.cork();
    setImmediate(() => stream.uncork());
  });
  await once(stream, 'close');
  expect(fs.readFileSync(file, 'utf8')).toBe('text');
});
