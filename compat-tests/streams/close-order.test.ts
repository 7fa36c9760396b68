import nodeFs from 'node:fs';
import { expect } from 'vitest';
import ourFs from '../../lib/fs.js';
import {
  distUrl,
  fileWith,
  isWindows,
  makeFifo,
  resultOfChild,
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
