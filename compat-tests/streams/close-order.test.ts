import nodeFs from 'node:fs';
import { expect } from 'vitest';
import ourFs from '../../lib/fs.js';
import { fileWith, isWindows, testWhere } from '../helpers.js';

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
