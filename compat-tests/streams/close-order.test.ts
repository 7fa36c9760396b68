import { once } from 'node:events';
import nodeFs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import ourFs from '../../lib/fs.js';
import { open } from '../../lib/index.js';
import {
  distUrl,
  fileWith,
  isWindows,
  makeFifo,
  resultOfChild,
  temporaryFolder,
  testWhere,
  testWithFifo,
} from '../helpers.js';

// Programs whose consumers use node:fs in the thread pool, such as vinyl-fs, take 'close' for a
// sign that what a stream has brought is written.

const testInPlace = testWhere(!isWindows, 'there a close waits for a worker');

testInPlace("'close' comes after what Node's pool began before the end", async () => {
  const file = fileWith('content');
  for (const { createReadStream } of [nodeFs, ourFs]) {
    const order: string[] = [];
    const stream = createReadStream(file);
    stream.on('data', () => nodeFs.fstat(2, () => order.push('stat')));
    stream.on('end', () => order.push('end'));
    await new Promise<void>((resolve) => stream.on('close', resolve));
    expect(order).toEqual(expect.arrayContaining(['end', 'stat']));
  }
});

testWithFifo("a stream closes though Node's pool is stuck", async () => {
  const script = `
    const { createReadStream } = await import(${JSON.stringify(distUrl('fs.js'))});
    const [fifo, file] = process.argv.slice(2);
    let opened = 0;
    for (let i = 0; i < 8; i++) fs.open(fifo, 'r', () => opened++);
    await once(createReadStream(file).resume(), 'close');
    console.log(JSON.stringify(opened));
    fs.openSync(fifo, 'r+');`;
  const args = [makeFifo(), fileWith('content')];
  expect(await resultOfChild(script, { args })).toBe(0);
});

function isOpen(fd: number): boolean {
  try {
    nodeFs.fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

// Node closes in its pool, so there the file is closed even while the program blocks its thread.
test("a stream closes its file at its end, whatever Node's pool does", async () => {
  const folder = temporaryFolder();
  const file = path.join(folder, 'file');
  nodeFs.writeFileSync(file, 'content');
  const handle = await open(file);
  const { fd } = handle;
  const stream = handle.createReadStream();
  const ended = new Promise((resolve) => {
    stream.on('end', () => nodeFs.fstat(2, resolve));
  });
  const atEnd = once(stream, 'end');
  const closed = once(stream, 'close');
  stream.resume();
  await atEnd;
  // The close begins within these; a worker may carry it out.
  for (let step = 0; step < 30; step++) await null;
  if (!isWindows) {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let i = 0; i < 1000 && isOpen(fd); i++) Atomics.wait(pause, 0, 0, 10);
    expect(isOpen(fd)).toBe(false);
  }
  nodeFs.rmSync(folder, { recursive: true, maxRetries: 5 });
  await Promise.all([ended, closed]);
});
