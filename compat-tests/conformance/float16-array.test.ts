import * as fs from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { read } from '../../lib/fs.js';
import { open, readFile, writeFile } from '../../lib/index.js';
import { temporaryFolder, testWhere } from '../helpers.js';

type View = Uint16Array;
type Constructor = new (size: number | readonly number[]) => View;
const { Float16Array: Halves } = globalThis as unknown as { Float16Array: Constructor };
const testWithHalves = testWhere(Halves !== undefined, 'this version of Node has no Float16Array');

const numbers = [1.5, -2, 0.25, 1000];

testWithHalves('a Float16Array is read and written by every function', async () => {
  const file = path.join(temporaryFolder(), 'file');
  const content = new Halves(numbers);
  const writes: ((handle: Awaited<ReturnType<typeof open>>) => Promise<unknown>)[] = [
    (handle) => handle.write(content),
    (handle) => handle.writev([content]),
    (handle) => handle.writeFile(content),
    () => writeFile(file, content),
  ];
  for (const write of writes) {
    const handle = await open(file, 'w+');
    await write(handle);
    expect(await readFile(file)).toEqual(Buffer.from(content.buffer));
    const target = new Halves(numbers.length);
    const { bytesRead, buffer } = await handle.read(target, 0, 8, 0);
    expect([bytesRead, buffer, [...target]]).toEqual([8, target, numbers]);
    const vector = new Halves(numbers.length);
    expect((await handle.readv([vector], 0)).buffers[0]).toBe(vector);
    expect([...vector]).toEqual(numbers);
    await handle.close();
  }
});

testWithHalves('fs.read of a descriptor fills a Float16Array', async () => {
  const file = path.join(temporaryFolder(), 'file');
  fs.writeFileSync(file, new Halves(numbers));
  const fd = fs.openSync(file, 'r');
  const target = new Halves(numbers.length);
  const bytes = await new Promise<number>((resolve, reject) => {
    read(fd, target, 0, 8, 0, (error, count) => (error ? reject(error) : resolve(count)));
  });
  fs.closeSync(fd);
  expect([bytes, [...target]]).toEqual([8, numbers]);
});
