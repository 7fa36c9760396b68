import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect } from 'vitest';
import { distUrl, isWindows, resultOfChild, temporaryFolder, testWhere } from '../helpers.js';

const test = testWhere(!isWindows, 'Wine makes no sparse files, and reads too slowly');
const size = 512 * 1024 ** 2;
const marginMax = 32 * 1024 * 1024;
const [depth, chunkSize] = [8, 512 * 1024];

function sparseFile(): string {
  const file = path.join(temporaryFolder(), 'sparse');
  fs.writeFileSync(file, '');
  fs.truncateSync(file, size);
  return file;
}

// Measures the peak memory of `run` above the level before it: buffers in use, and resident memory,
// which includes garbage that V8 has not collected yet and memory that malloc keeps.
function measured(run: string): string {
  return `
    const { createReadStream, createWriteStream } = await import(
      argument.replace('index.js', 'fs.js')
    );
    const { Readable, Writable } = await import('node:stream');
    const { pipeline } = await import('node:stream/promises');
    const file = process.argv[3];
    const slow = () => new Writable({
      highWaterMark: 1,
      write(chunk, encoding, done) {
        bytes += chunk.length;
        look();
        setImmediate(done);
      },
    });
    let bytes = 0;
    const warm = createReadStream(file, { end: 20_000_000 });
    for await (const _ of warm);
    gc();
    const before = process.memoryUsage();
    const most = { rss: 0, arrayBuffers: 0 };
    const watch = () => {
      gc();
      // The second call waits until the garbage that the first one found is freed.
      gc();
      const now = process.memoryUsage();
      for (const name in most) most[name] = Math.max(most[name], now[name] - before[name]);
    };
    // Once per 64 MiB, so that a busy machine does not collect more often.
    let next = 0;
    const look = () => {
      if (bytes < next) return;
      next = bytes + 64 * 1024 ** 2;
      watch();
    };
    ${run}
    watch();
    console.log(JSON.stringify({ bytes, ...most }));`;
}

interface Growth {
  rss: number;
  arrayBuffers: number;
}

async function growthOf(run: string): Promise<Growth> {
  const args = [distUrl('index.js'), sparseFile()];
  const options = { flags: ['--expose-gc'], args };
  const result = await resultOfChild<Growth & { bytes: number }>(measured(run), options);
  expect(result.bytes).toBe(size);
  return result;
}

test('a file of 512 MiB through a slow consumer takes bounded memory', async () => {
  const { arrayBuffers, rss } = await growthOf('await pipeline(createReadStream(file), slow());');
  expect(arrayBuffers).toBeLessThan(depth * chunkSize + marginMax);
  expect(rss).toBeLessThan(depth * chunkSize + 4 * marginMax);
});

test('chunks() of it take the window plus a margin', async () => {
  const { arrayBuffers, rss } = await growthOf(`
      const handle = await open(file);
      for await (const chunk of handle.chunks({ recycle: true })) {
        bytes += chunk.length;
        look();
        await turn();
      }
      await handle.close();`);
  expect(arrayBuffers).toBeLessThan(depth * chunkSize + marginMax);
  expect(rss).toBeLessThan(depth * chunkSize + 4 * marginMax);
});
