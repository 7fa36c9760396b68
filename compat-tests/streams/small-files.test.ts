import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import nodeFs from 'node:fs';
import * as path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { expect, test } from 'vitest';
import ourFs from '../../lib/fs.js';
import type { WindowedWriteStream } from '../../lib/index.js';
import { temporaryFolder } from '../helpers.js';

/**
 * Streams of small files, which are read in one read and written without a window, also if the file
 * changes or the stream is used in another way meanwhile. Each program runs with node:fs and with
 * ours.
 */

type Fs = typeof nodeFs;
type Program = (fs: Fs, file: string) => Promise<unknown>;

const content = 'abcdefghijklmnopqrstuvwxyz'.repeat(100);
const eventNames = ['open', 'ready', 'data', 'drain', 'finish', 'end', 'close', 'error'];

/** The events of a stream, with the length of each chunk. */
function traceOf(stream: NodeJS.EventEmitter): unknown[] {
  const trace: unknown[] = [];
  for (const name of eventNames) {
    stream.on(name, (value) => {
      trace.push(name === 'data' ? [name, value.length] : name);
    });
  }
  return trace;
}

/** A read stream whose file is open and has not been read. */
async function opened(fs: Fs, file: string, options?: object): Promise<nodeFs.ReadStream> {
  const stream = fs.createReadStream(file, options as never);
  await new Promise<void>((resolve) => stream.on('ready', () => resolve()));
  return stream;
}

async function partsOf(stream: nodeFs.ReadStream): Promise<unknown> {
  const parts: string[] = [];
  for await (const part of stream) parts.push(`${part}`);
  return { text: parts.join(''), bytesRead: stream.bytesRead };
}

async function writeAndWait(stream: nodeFs.WriteStream, text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

const programs: Record<string, Program> = {
  async 'the events of a read stream'(fs, file) {
    const stream = fs.createReadStream(file);
    const trace = traceOf(stream);
    await once(stream, 'close');
    return { trace, bytesRead: stream.bytesRead, pending: stream.pending };
  },
  async 'the events of a write stream'(fs, file) {
    const stream = fs.createWriteStream(file);
    const trace = traceOf(stream);
    stream.end(content);
    await once(stream, 'close');
    return { trace, bytesWritten: stream.bytesWritten, text: nodeFs.readFileSync(file, 'latin1') };
  },
  async 'a file that grows after it was opened'(fs, file) {
    const stream = await opened(fs, file);
    nodeFs.appendFileSync(file, 'and more');
    return partsOf(stream);
  },
  async 'a file that shrinks after it was opened'(fs, file) {
    const stream = await opened(fs, file);
    nodeFs.truncateSync(file, 10);
    return partsOf(stream);
  },
  async 'a file that is emptied after it was opened'(fs, file) {
    const stream = await opened(fs, file);
    nodeFs.truncateSync(file, 0);
    return partsOf(stream);
  },
  async 'a file that has grown while the consumer holds its chunk'(fs, file) {
    const stream = fs.createReadStream(file);
    const parts: string[] = [];
    stream.on('data', (part) => parts.push(`${part}`));
    stream.once('data', () => nodeFs.appendFileSync(file, 'too late or not'));
    await once(stream, 'close');
    return parts[0];
  },
  async 'files that grow whenever a data listener gets a chunk'(fs, file) {
    const sizes: unknown[] = [];
    for (const size of [10, 1000, 70_000, 131_072, 1_000_000]) {
      for (const options of [{}, { start: 5 }, { start: 5, end: 2 * size }]) {
        nodeFs.writeFileSync(file, 'x'.repeat(size));
        const stream = fs.createReadStream(file, options);
        let chunks = 0;
        stream.on('data', () => {
          if (chunks++ < 5) nodeFs.appendFileSync(file, 'y'.repeat(100));
        });
        await once(stream, 'close');
        sizes.push([stream.bytesRead, nodeFs.statSync(file).size]);
      }
    }
    return sizes;
  },
  async 'a start'(fs, file) {
    return partsOf(fs.createReadStream(file, { start: 2590 }));
  },
  async 'a start at the end, and one behind it'(fs, file) {
    const size = content.length;
    const ends = [size, size + 1].map((start) => partsOf(fs.createReadStream(file, { start })));
    return Promise.all(ends);
  },
  async 'an end before, at and behind the last byte'(fs, file) {
    const last = content.length - 1;
    const ends = [last - 1, last, last + 1].map((end) => fs.createReadStream(file, { end }));
    return Promise.all(ends.map(partsOf));
  },
  async 'a start and an end'(fs, file) {
    return partsOf(fs.createReadStream(file, { start: 100, end: 199 }));
  },
  async 'the events of a stream with an end'(fs, file) {
    const traces = [50, 99, 100].map(async (highWaterMark) => {
      const stream = fs.createReadStream(file, { start: 100, end: 199, highWaterMark });
      const trace = traceOf(stream);
      await once(stream, 'close');
      return [trace, stream.bytesRead];
    });
    return Promise.all(traces);
  },
  async 'a file that shrinks or grows before a stream with an end reads it'(fs, file) {
    const parts: unknown[] = [];
    for (const size of [150, 50, 3000]) {
      const stream = await opened(fs, file, { start: 100, end: 199 });
      nodeFs.truncateSync(file, size);
      parts.push(await partsOf(stream));
      nodeFs.writeFileSync(file, content);
    }
    return parts;
  },
  async 'chunks that are as large as the file, and one byte smaller'(fs, file) {
    const sizes = [content.length, content.length - 1];
    const traces = sizes.map(async (highWaterMark) => {
      const stream = fs.createReadStream(file, { highWaterMark });
      const trace = traceOf(stream);
      await once(stream, 'close');
      return trace;
    });
    return Promise.all(traces);
  },
  async 'an empty file'(fs, file) {
    nodeFs.truncateSync(file, 0);
    const stream = fs.createReadStream(file);
    const trace = traceOf(stream);
    await once(stream, 'close');
    return trace;
  },
  async 'a paused stream that is read by hand'(fs, file) {
    const stream = fs.createReadStream(file);
    await once(stream, 'readable');
    const first = `${stream.read(10)}`;
    const rest = `${stream.read()}`;
    const trace = traceOf(stream);
    stream.read();
    await once(stream, 'close');
    return { first, rest, trace };
  },
  async 'destroying at every event'(fs, file) {
    const traces = ['open', 'ready', 'data', 'end'].map(async (name) => {
      const stream = fs.createReadStream(file);
      const trace = traceOf(stream);
      stream.once(name, () => stream.destroy());
      await once(stream, 'close');
      return trace;
    });
    return Promise.all(traces);
  },
  async 'an error of a data listener'(fs, file) {
    const stream = fs.createReadStream(file);
    const trace = traceOf(stream);
    stream.once('data', () => stream.destroy(new Error('enough')));
    await finished(stream).catch(() => {});
    await new Promise(setImmediate);
    return trace;
  },
  async 'a folder'(fs, file) {
    const stream = fs.createReadStream(path.dirname(file));
    stream.resume();
    const [{ code, syscall }] = await once(stream, 'error');
    return { code, syscall };
  },
  async 'asynchronous context in the listeners'(fs, file) {
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    for (const context of ['first', 'second', 'third']) {
      await storage.run(context, () => {
        const stream = fs.createReadStream(file);
        for (const name of ['open', 'data', 'end', 'close']) {
          stream.on(name, () => seen.push([name, storage.getStore()]));
        }
        return new Promise<void>((resolve) => stream.on('close', () => resolve()));
      });
    }
    return seen;
  },
  async 'writes by hand, then a pipe, then writes by hand'(fs, file) {
    const stream = fs.createWriteStream(file);
    await writeAndWait(stream, 'by hand, ');
    const source = new PassThrough();
    source.pipe(stream, { end: false });
    source.end('by pipe, ');
    await finished(source);
    await new Promise(setImmediate);
    await writeAndWait(stream, 'by hand');
    stream.end();
    await finished(stream);
    return [stream.bytesWritten, nodeFs.readFileSync(file, 'latin1')];
  },
  async 'writes with a start, by hand and then by pipe'(fs, file) {
    const stream = fs.createWriteStream(file, { flags: 'r+', start: 26 });
    await writeAndWait(stream, '<by hand>');
    const source = new PassThrough();
    source.pipe(stream);
    source.end('<by pipe>');
    await finished(stream);
    return [stream.bytesWritten, nodeFs.readFileSync(file, 'latin1')];
  },
  async 'appends by hand and then by pipe'(fs, file) {
    const stream = fs.createWriteStream(file, { flags: 'a' });
    await writeAndWait(stream, '<by hand>');
    const source = new PassThrough();
    source.pipe(stream);
    source.end('<by pipe>');
    await finished(stream);
    return [stream.bytesWritten, nodeFs.readFileSync(file, 'latin1')];
  },
  async 'many small writes and a large one'(fs, file) {
    const stream = fs.createWriteStream(file);
    let isFull = false;
    for (let i = 0; i < 2000; i++) isFull = !stream.write(`line ${i}\n`) || isFull;
    stream.write(Buffer.alloc(3 * 1024 * 1024, 'x'));
    for (let i = 0; i < 2000; i++) stream.write(Buffer.from(`line ${i}\n`));
    stream.end();
    await finished(stream);
    return [isFull, stream.bytesWritten, nodeFs.readFileSync(file, 'latin1')];
  },
  // node:fs also reports the write that was destroyed as an error of the stream.
  async 'the callbacks of writes that are destroyed in flight'(fs, file) {
    const stream = fs.createWriteStream(file).on('error', () => {});
    await once(stream, 'open');
    const outcomes: unknown[] = [];
    const written = (error?: Error | null): void => {
      outcomes.push((error as NodeJS.ErrnoException | undefined)?.code);
    };
    stream.write('first', written);
    stream.write('second', written);
    stream.destroy();
    await new Promise<void>((resolve) => stream.on('close', () => resolve()));
    return outcomes;
  },
};

for (const [title, program] of Object.entries(programs)) {
  test(`${title}: as with node:fs`, async () => {
    const results: unknown[] = [];
    for (const fs of [nodeFs, ourFs as unknown as Fs]) {
      const file = path.join(temporaryFolder(), 'file');
      nodeFs.writeFileSync(file, content);
      results.push(await program(fs, file));
    }
    expect(results[1]).toEqual(results[0]);
  });
}

test('flushedPosition counts on from writes by hand to those of a pipe', async () => {
  const file = path.join(temporaryFolder(), 'file');
  nodeFs.writeFileSync(file, content);
  for (const [options, base] of [
    [{ flags: 'r+', start: 26 }, 26],
    [{ flags: 'a' }, 0],
    [{}, 0],
  ]) {
    const stream = ourFs.createWriteStream(file, options as object) as WindowedWriteStream;
    const positions: number[] = [];
    stream.on('progress', (position) => positions.push(position - (base as number)));
    await writeAndWait(stream, '12345');
    expect(stream.flushedPosition).toBe((base as number) + 5);
    const source = new PassThrough();
    source.pipe(stream);
    source.end('67890');
    await finished(stream);
    expect([stream.flushedPosition, positions]).toEqual([(base as number) + 10, [5, 10]]);
  }
});

test('a pipe of short lines is not taken further ahead than by node:fs', async () => {
  const file = path.join(temporaryFolder(), 'file');
  const line = `${'x'.repeat(63)}\n`;
  const count = 16_000;
  const stream = ourFs.createWriteStream(file);
  let made = 0;
  let mostAhead = 0;
  function* lines(): Generator<string> {
    for (let i = 0; i < count; i++) {
      made += line.length;
      mostAhead = Math.max(mostAhead, made - stream.bytesWritten);
      yield line;
    }
  }
  await pipeline(Readable.from(lines()), stream);
  expect(nodeFs.readFileSync(file, 'latin1')).toBe(line.repeat(count));
  // The source holds some lines, too.
  expect(mostAhead).toBeLessThan(2 * stream.writableHighWaterMark);
});
