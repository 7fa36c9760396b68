import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import nodeFs from 'node:fs';
import * as path from 'node:path';
import { finished } from 'node:stream/promises';
import { expect } from 'vitest';
import ourFs from '../../lib/fs.js';
import { isLinux, isWindows, temporaryFolder, testWhere } from '../helpers.js';

/**
 * The cursor of a stream's descriptor: code that knows the number finds the cursor where node:fs
 * would have left it, and the stream continues there. Each program runs with node:fs and with ours.
 */

type Fs = typeof nodeFs;
type Program = (fs: Fs, file: string) => Promise<unknown>;

const letters = 'abcdefghijklmnopqrstuvwxyz'.repeat(40);

function written(stream: nodeFs.WriteStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

function readSync(fd: number, length: number): string {
  const buffer = Buffer.alloc(length);
  return buffer.toString('latin1', 0, nodeFs.readSync(fd, buffer, 0, length, null));
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

async function run(command: string, stdio: unknown[]): Promise<void> {
  await once(spawn('sh', ['-c', command], { stdio: stdio as never }), 'close');
}

const programs: Record<string, Program> = {
  async 'a number that is read between writes'(fs, file) {
    const stream = fs.createWriteStream(file);
    await written(stream, 'first ');
    nodeFs.writeSync((stream as unknown as { fd: number }).fd, 'second ');
    stream.end('third');
    await finished(stream);
    return nodeFs.readFileSync(file, 'latin1');
  },
  async 'a number that a listener of open is called with'(fs, file) {
    const stream = fs.createWriteStream(file);
    const [fd] = await once(stream, 'open');
    nodeFs.writeSync(fd, 'first ');
    await written(stream, 'second ');
    nodeFs.writeSync(fd, 'third ');
    stream.end('fourth');
    await finished(stream);
    return nodeFs.readFileSync(file, 'latin1');
  },
  async 'a child that inherits a write stream'(fs, file) {
    const stream = fs.createWriteStream(file);
    await once(stream, 'open');
    await written(stream, 'header\n');
    await run('echo child; echo error >&2', ['ignore', stream, stream]);
    stream.end('footer\n');
    await finished(stream);
    return nodeFs.readFileSync(file, 'latin1');
  },
  async 'a child that inherits an append stream'(fs, file) {
    const stream = fs.createWriteStream(file, { flags: 'a' });
    await once(stream, 'open');
    await written(stream, 'header\n');
    await run('echo child', ['ignore', stream, 'ignore']);
    stream.end('footer\n');
    await finished(stream);
    return nodeFs.readFileSync(file, 'latin1');
  },
  async 'a stream with a start leaves the cursor alone'(fs, file) {
    const stream = fs.createWriteStream(file, { flags: 'r+', start: 10 });
    await written(stream, 'tenth');
    nodeFs.writeSync((stream as unknown as { fd: number }).fd, 'ZERO');
    stream.end('!');
    await finished(stream);
    return nodeFs.readFileSync(file, 'latin1');
  },
  async 'a write stream that leaves its file open'(fs, file) {
    const stream = fs.createWriteStream(file, { autoClose: false });
    stream.end('all of it');
    await once(stream, 'finish');
    const { fd } = stream as unknown as { fd: number };
    nodeFs.writeSync(fd, ', and more');
    nodeFs.closeSync(fd);
    return nodeFs.readFileSync(file, 'latin1');
  },
  async 'a read stream whose number is read first'(fs, file) {
    const stream = fs.createReadStream(file);
    const [fd] = await once(stream, 'open');
    const head = readSync(fd, 5);
    return [head, await textOf(stream)];
  },
  async 'a listener of open whose parameter has a default'(fs, file) {
    const stream = fs.createReadStream(file);
    let head = '';
    stream.on('open', (fd = 0) => {
      head = readSync(fd, 5);
    });
    return [await textOf(stream), head];
  },
  async 'a program that has replaced emit() of all emitters'(fs, file) {
    const { emit } = EventEmitter.prototype;
    let head = '';
    EventEmitter.prototype.emit = function (name: string | symbol, ...given: unknown[]) {
      if (name === 'open' && head === '') head = readSync(given[0] as number, 5);
      return emit.call(this, name, ...given);
    };
    try {
      return [await textOf(fs.createReadStream(file)), head];
    } finally {
      EventEmitter.prototype.emit = emit;
    }
  },
  async 'a read stream that has read its file and leaves it open'(fs, file) {
    const stream = fs.createReadStream(file, { autoClose: false, end: 99 });
    const head = await textOf(stream);
    const { fd } = stream as unknown as { fd: number };
    const rest = readSync(fd, 50);
    nodeFs.closeSync(fd);
    return [head, rest];
  },
  async 'a number that is read in the middle of reading'(fs, file) {
    const stream = fs.createReadStream(file, { highWaterMark: 100 });
    const parts: string[] = [];
    stream.once('data', (chunk) => {
      parts.push(`${chunk}`);
      stream.pause();
      parts.push(readSync((stream as unknown as { fd: number }).fd, 7));
      stream.on('data', (next) => parts.push(`${next}`));
      stream.resume();
    });
    await finished(stream);
    return parts;
  },
  async 'a read stream with a start leaves the cursor alone'(fs, file) {
    const stream = fs.createReadStream(file, { start: 30, end: 59, autoClose: false });
    const middle = await textOf(stream);
    const { fd } = stream as unknown as { fd: number };
    const head = readSync(fd, 10);
    nodeFs.closeSync(fd);
    return [middle, head];
  },
  async 'a second stream of the number'(fs, file) {
    const first = fs.createReadStream(file, { autoClose: false, end: 9 });
    const head = await textOf(first);
    const { fd } = first as unknown as { fd: number };
    const second = fs.createReadStream('', { fd });
    return [head, await textOf(second)];
  },
  async 'a child that inherits a read stream'(fs, file) {
    const stream = fs.createReadStream(file);
    await once(stream, 'open');
    const copy = nodeFs.openSync(`${file}-copy`, 'w');
    await run('cat', [stream, copy, 'inherit']);
    nodeFs.closeSync(copy);
    stream.destroy();
    await finished(stream).catch(() => {});
    return nodeFs.readFileSync(`${file}-copy`, 'latin1');
  },
  async "the number of a handle beside the handle's stream"(fs, file) {
    const handle = await fs.promises.open(file, 'w');
    const stream = handle.createWriteStream();
    await written(stream, 'first ');
    nodeFs.writeSync(handle.fd, 'second ');
    stream.end('third');
    await finished(stream);
    return nodeFs.readFileSync(file, 'latin1');
  },
  async "calls at a handle's cursor beside its stream"(fs, file) {
    const handle = await fs.promises.open(file, 'r+');
    const stream = handle.createWriteStream();
    await written(stream, 'first ');
    await handle.write('second ');
    await written(stream, 'third ');
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(10), 0, 10, null);
    stream.end();
    await finished(stream);
    const read = buffer.toString('latin1', 0, bytesRead);
    return [read, nodeFs.readFileSync(file, 'latin1')];
  },
  async 'a child that inherits a handle beside its stream'(fs, file) {
    const handle = await fs.promises.open(file, 'w');
    const stream = handle.createWriteStream();
    await written(stream, 'header\n');
    await run('echo child', ['ignore', handle.fd, 'ignore']);
    stream.end('footer\n');
    await finished(stream);
    return nodeFs.readFileSync(file, 'latin1');
  },
  async 'two streams of one handle'(fs, file) {
    const handle = await fs.promises.open(file, 'w');
    const [first, second] = [handle.createWriteStream(), handle.createWriteStream()];
    await written(first, 'first ');
    await written(second, 'second ');
    await written(first, 'third ');
    await handle.close();
    return nodeFs.readFileSync(file, 'latin1');
  },
};

const testOnPosix = testWhere(!isWindows, 'a second descriptor of Windows has its own cursor');

for (const [title, program] of Object.entries(programs)) {
  testOnPosix(`${title}: as with node:fs`, async () => {
    const results: unknown[] = [];
    for (const fs of [nodeFs, ourFs as unknown as Fs]) {
      const file = path.join(temporaryFolder(), 'file');
      nodeFs.writeFileSync(file, letters);
      results.push(await program(fs, file));
    }
    expect(results[1]).toEqual(results[0]);
  });
}

for (const mode of ['byob', undefined] as const) {
  const reader = mode === undefined ? 'reader' : 'BYOB reader';
  testOnPosix(`a ${reader} gets every byte once, whenever the number is taken`, async () => {
    const file = path.join(temporaryFolder(), 'file');
    nodeFs.writeFileSync(file, letters);
    for (let turns = 0; turns < 40; turns++) {
      const handle = await ourFs.promises.open(file);
      const stream = handle.readableWebStream({ type: 'bytes', autoClose: true });
      const source = stream.getReader({ mode } as { mode: 'byob' });
      const take = async (): Promise<string | undefined> => {
        const { value } = await source.read(new Uint8Array(100));
        return value?.byteLength ? Buffer.from(value).toString('latin1') : undefined;
      };
      const first = take();
      for (let turn = 0; turn < turns; turn++) await undefined;
      expect(handle.fd).toBeGreaterThan(0);
      let text = await first;
      for (let part = await take(); part !== undefined; part = await take()) text += part;
      expect([turns, text]).toEqual([turns, letters]);
    }
  });
}

/** The system's cursor of the only descriptor that is open on a file. */
function cursorOf(file: string): number {
  const folder = '/proc/self/fd';
  const found = nodeFs.readdirSync(folder).filter((fd) => {
    try {
      return nodeFs.readlinkSync(`${folder}/${fd}`) === file;
    } catch {
      return false;
    }
  });
  expect(found).toHaveLength(1);
  const info = nodeFs.readFileSync(`/proc/self/fdinfo/${found[0]}`, 'latin1');
  return Number(/pos:\s+(\d+)/.exec(info)?.[1]);
}

testWhere(isLinux, 'needs /proc')(
  'a stream reads ahead as long as its descriptor has not been exposed',
  async () => {
    const file = path.join(temporaryFolder(), 'file');
    nodeFs.writeFileSync(file, Buffer.alloc(4 * 1024 * 1024, 'x'));
    const stream = ourFs.createReadStream(file);
    let isOpen = false;
    stream.on('open', () => {
      isOpen = true;
    });
    await once(stream, 'data');
    stream.pause();
    expect([isOpen, cursorOf(file)]).toEqual([true, 0]);
    stream.destroy();
    await once(stream, 'close');
  },
);
