import nodeFs from 'node:fs';
import { expect, test } from 'vitest';
import ourFs from '../../lib/fs.js';
import { fileWith } from '../helpers.js';

// Programs whose consumers use node:fs in the thread pool, such as vinyl-fs, take 'close' for a
// sign that what a stream has brought is written.

test("'close' of a read stream comes after what Node's pool began before its end", async () => {
  const file = fileWith('content');
  for (const { createReadStream } of [nodeFs, ourFs]) {
    const order: string[] = [];
    const stream = createReadStream(file);
    stream.on('data', () => nodeFs.stat(file, () => order.push('stat')));
    stream.on('end', () => order.push('end'));
    await new Promise<void>((resolve) => stream.on('close', resolve));
    expect(order).toEqual(expect.arrayContaining(['end', 'stat']));
  }
});
