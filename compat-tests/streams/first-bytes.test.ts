import { execFile } from 'node:child_process';
import { once } from 'node:events';
import nodeFs from 'node:fs';
import * as path from 'node:path';
import { PassThrough } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { expect, test } from 'vitest';
import ourFs from '../../lib/fs.js';
import { engine } from '../../lib/index.js';
import {
  isLinux,
  isWindows,
  makeFifo,
  packageFolder,
  temporaryFolder,
  testWhere,
  testWithFifo,
  until,
} from '../helpers.js';

/**
 * Write streams whose bytes are known early: a stream that ends before its file is open is written
 * by the operation that opens it, and small chunks of one turn are written together. Each program
 * runs with node:fs and with ours.
 */

type Fs = typeof nodeFs;
type Program = (fs: Fs, file: string) => Promise<unknown>;
type WithDescriptor = nodeFs.WriteStream & { fd: number | null };

const before = 'what the file had before';
const eventNames = ['open', 'ready', 'drain', 'finish', 'error', 'close'];

/** The events of a stream; of an error its code and call. */
function traceOf(stream: nodeFs.WriteStream, names = eventNames): unknown[] {
  const trace: unknown[] = [];
  for (const name of names) {
    stream.on(name, (value?: NodeJS.ErrnoException) => {
      trace.push(name === 'error' ? [name, value?.code, value?.syscall] : name);
    });
  }
  return trace;
}

async function closed(stream: nodeFs.WriteStream): Promise<void> {
  await new Promise<void>((resolve) => stream.on('close', () => resolve()));
}

/** Ends a stream whose reader has left. Windows keeps the folders of open files. */
async function destroyed(source: nodeFs.ReadStream): Promise<void> {
  source.destroy();
  if (!source.closed) await once(source, 'close');
}

function textOf(file: string): string {
  return nodeFs.readFileSync(file, 'latin1');
}

// Its types do not show the constructor's arguments.
function classOf(fs: Fs): new (file: string) => nodeFs.WriteStream {
  return fs.WriteStream as never;
}

function isOpenFile(stream: nodeFs.WriteStream): boolean {
  return nodeFs.fstatSync((stream as WithDescriptor).fd as number).isFile();
}

const programs: Record<string, Program> = {
  async 'no listener but of close'(fs, file) {
    const stream = fs.createWriteStream(file);
    stream.end('content');
    await closed(stream);
    const { bytesWritten, pending, destroyed, writableFinished, errored } = stream;
    return [textOf(file), bytesWritten, pending, destroyed, writableFinished, errored];
  },
  async 'several writes and an end in one turn'(fs, file) {
    const stream = fs.createWriteStream(file);
    stream.write('one, ');
    stream.write(Buffer.from('two, '));
    stream.write('74687265652c20', 'hex');
    stream.end('four', 'utf16le');
    await closed(stream);
    return [textOf(file), stream.bytesWritten];
  },
  async 'corked writes'(fs, file) {
    const stream = fs.createWriteStream(file);
    stream.cork();
    stream.write('one, ');
    stream.write('two');
    stream.end();
    await closed(stream);
    return [textOf(file), stream.bytesWritten];
  },
  async 'all events'(fs, file) {
    const stream = fs.createWriteStream(file);
    const trace = traceOf(stream);
    stream.end('content');
    await closed(stream);
    return trace;
  },
  async 'listeners that are added after an await'(fs, file) {
    const stream = fs.createWriteStream(file);
    stream.end('content');
    await undefined;
    const trace = traceOf(stream);
    await closed(stream);
    return trace;
  },
  async 'a descriptor in a listener of finish'(fs, file) {
    const stream = fs.createWriteStream(file);
    const seen: unknown[] = [];
    stream.on('finish', () => seen.push(isOpenFile(stream), textOf(file), stream.bytesWritten));
    stream.end('content');
    await closed(stream);
    return seen;
  },
  async 'a descriptor in the callback of end'(fs, file) {
    const stream = fs.createWriteStream(file);
    const seen: unknown[] = [];
    stream.end('content', () => seen.push(isOpenFile(stream), textOf(file)));
    await closed(stream);
    return seen;
  },
  async 'a descriptor in the callback of a write'(fs, file) {
    const stream = fs.createWriteStream(file);
    const seen: unknown[] = [];
    stream.write('content', () => seen.push(isOpenFile(stream), textOf(file)));
    stream.end();
    await closed(stream);
    return seen;
  },
  async 'a descriptor in _final of a class'(fs, file) {
    const seen: unknown[] = [];
    class Stream extends classOf(fs) {
      override _final(done: () => void): void {
        seen.push(isOpenFile(this), textOf(file));
        done();
      }
    }
    const stream = new Stream(file);
    stream.end('content');
    await closed(stream);
    return seen;
  },
  async 'a class that changes what is written'(fs, file) {
    class Stream extends classOf(fs) {
      override _write(chunk: Buffer, encoding: BufferEncoding, done: () => void): void {
        super._write(Buffer.from(`<${chunk}>`), encoding, done);
      }
      override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: () => void) {
        const changed = chunks.map(({ chunk, encoding }) => {
          return { chunk: Buffer.from(`[${chunk}]`), encoding };
        });
        super._writev?.(changed, done);
      }
    }
    const [early, late] = [new Stream(`${file}-early`), new Stream(`${file}-late`)];
    const bothClosed = Promise.all([closed(early), closed(late)]);
    early.end('content');
    await once(late, 'ready');
    for (const text of ['one', 'two', 'three']) late.write(text);
    late.end();
    await bothClosed;
    return [textOf(`${file}-early`), textOf(`${file}-late`)];
  },
  async 'a stream that leaves its file open'(fs, file) {
    const stream = fs.createWriteStream(file, { autoClose: false }) as WithDescriptor;
    stream.end('content');
    await until(() => stream.writableFinished);
    nodeFs.writeSync(stream.fd as number, ', and more');
    nodeFs.closeSync(stream.fd as number);
    return textOf(file);
  },
  async 'a stream that is flushed'(fs, file) {
    const stream = fs.createWriteStream(file, { flush: true } as object);
    stream.end('content');
    await closed(stream);
    return textOf(file);
  },
  async 'flags and a start'(fs, file) {
    const texts: string[] = [];
    const ways = [{ flags: 'a' }, { flags: 'r+' }, { flags: 'r+', start: 5 }, { flags: 'w+' }];
    for (const options of ways) {
      const stream = fs.createWriteStream(file, options);
      stream.end('content');
      await closed(stream);
      texts.push(textOf(file));
    }
    return texts;
  },
  async 'the mode of a new file'(fs, file) {
    const stream = fs.createWriteStream(`${file}-new`, { mode: 0o640 });
    stream.end('content');
    await closed(stream);
    return nodeFs.statSync(`${file}-new`).mode;
  },
  async 'opens that fail'(fs, file) {
    const folder = path.dirname(file);
    const traces: unknown[] = [];
    for (const [name, flags] of [
      [file, 'wx'],
      [folder, 'w'],
      [path.join(folder, 'missing', 'file'), 'w'],
      [file, 'r'],
    ] as const) {
      const stream = fs.createWriteStream(name, { flags });
      const trace = traceOf(stream, ['error', 'close']);
      stream.end('content');
      await closed(stream);
      traces.push(trace, stream.bytesWritten);
    }
    return [traces, textOf(file)];
  },
  async 'a stream that is destroyed after its end'(fs, file) {
    const stream = fs.createWriteStream(file);
    const trace = traceOf(stream, ['finish', 'error', 'close']);
    stream.end('content');
    stream.destroy();
    await closed(stream);
    return [trace, textOf(file), stream.bytesWritten];
  },
  async 'finished() and an error afterwards'(fs, file) {
    const stream = fs.createWriteStream(file);
    stream.end('content');
    await finished(stream);
    stream.on('error', () => {});
    stream.write('too late');
    return textOf(file);
  },
  async 'the callbacks of small writes in one turn'(fs, file) {
    const stream = fs.createWriteStream(file);
    await once(stream, 'ready');
    const seen: unknown[] = [];
    for (const text of ['one, ', 'two, ', 'three']) {
      stream.write(text, (error) => seen.push([text, error ?? null]));
    }
    await new Promise((resolve) => stream.end(resolve));
    return [seen, textOf(file), stream.bytesWritten];
  },
  async 'small writes at a start, with a turn between them'(fs, file) {
    const stream = fs.createWriteStream(file, { flags: 'r+', start: 5 });
    await once(stream, 'ready');
    for (let i = 0; i < 5; i++) {
      for (let k = 0; k < 3; k++) stream.write(`${i}${k}`);
      await new Promise(setImmediate);
    }
    stream.end();
    await finished(stream);
    return [textOf(file), stream.bytesWritten];
  },
  async 'small writes, and then long ones'(fs, file) {
    const stream = fs.createWriteStream(file, { flags: 'a' });
    await once(stream, 'ready');
    stream.write('small, ');
    stream.write('x'.repeat(50_000));
    stream.write('small, ');
    stream.write('y'.repeat(100_000));
    stream.end('end');
    await finished(stream);
    return [textOf(file), stream.bytesWritten];
  },
  async 'a stream that is corked after its first write'(fs, file) {
    const stream = fs.createWriteStream(file);
    await once(stream, 'ready');
    stream.write('one, ');
    stream.cork();
    stream.write('two, ');
    await until(() => textOf(file) !== '');
    const early = textOf(file);
    stream.uncork();
    stream.end('three');
    await finished(stream);
    return [early, textOf(file)];
  },
  async 'writes of objects after bytes'(fs, file) {
    const stream = fs.createWriteStream(file, { objectMode: true } as object);
    await once(stream, 'ready');
    stream.write(Buffer.from('one, '));
    stream.write(Buffer.from('two'));
    stream.end();
    await finished(stream);
    return textOf(file);
  },
  async 'a small file that is piped'(fs, file) {
    const [source, stream] = [fs.createReadStream(file), fs.createWriteStream(`${file}-copy`)];
    const traces = [traceOf(source as never, ['open', 'end', 'close']), traceOf(stream)];
    source.pipe(stream);
    await Promise.all([closed(source as never), closed(stream)]);
    const { bytesWritten, writableFinished, pending } = stream;
    return [traces, textOf(`${file}-copy`), bytesWritten, writableFinished, pending];
  },
  async 'a pipe that nobody listens to'(fs, file) {
    const stream = fs.createWriteStream(`${file}-copy`);
    fs.createReadStream(file).pipe(stream);
    await closed(stream);
    return [textOf(`${file}-copy`), stream.bytesWritten, stream.writableFinished, stream.errored];
  },
  async 'a pipeline'(fs, file) {
    const stream = fs.createWriteStream(`${file}-copy`);
    await pipeline(fs.createReadStream(file), stream);
    return [textOf(`${file}-copy`), stream.bytesWritten, stream.closed];
  },
  async 'a descriptor in a listener of finish of a pipe'(fs, file) {
    const stream = fs.createWriteStream(`${file}-copy`);
    const seen: unknown[] = [];
    fs.createReadStream(file).pipe(stream);
    stream.on('finish', () => seen.push(isOpenFile(stream), textOf(`${file}-copy`)));
    await closed(stream);
    return seen;
  },
  async 'a pipe from a large file'(fs, file) {
    nodeFs.writeFileSync(file, Buffer.alloc(300_000, 'large '));
    const stream = fs.createWriteStream(`${file}-copy`);
    await pipeline(fs.createReadStream(file), stream);
    return [textOf(`${file}-copy`) === textOf(file), stream.bytesWritten];
  },
  async 'a pipe that stays open'(fs, file) {
    const source = new PassThrough();
    const stream = fs.createWriteStream(file);
    source.pipe(stream);
    source.write('one, ');
    await until(() => textOf(file) === 'one, ');
    source.end('two');
    await closed(stream);
    return [textOf(file), stream.bytesWritten];
  },
  async 'a pipe that brings nothing'(fs, file) {
    const source = new PassThrough();
    const stream = fs.createWriteStream(`${file}-new`);
    source.pipe(stream);
    await until(() => nodeFs.existsSync(`${file}-new`));
    source.end();
    await closed(stream);
    return [textOf(`${file}-new`), stream.bytesWritten];
  },
  async 'a pipe into a stream that is destroyed at once'(fs, file) {
    const stream = fs.createWriteStream(`${file}-new`);
    const trace = traceOf(stream, ['finish', 'error', 'close']);
    const source = fs.createReadStream(file);
    source.pipe(stream);
    stream.destroy();
    await closed(stream);
    await destroyed(source);
    return [trace, textOf(`${file}-new`)];
  },
  async 'a pipe into a stream that fails to open'(fs, file) {
    const stream = fs.createWriteStream(path.join(file, 'below'));
    const trace = traceOf(stream, ['error', 'close']);
    const source = fs.createReadStream(file);
    source.pipe(stream);
    await closed(stream);
    await destroyed(source);
    return trace;
  },
  async 'a pipe into a corked stream'(fs, file) {
    const source = new PassThrough();
    const stream = fs.createWriteStream(file);
    source.pipe(stream);
    stream.cork();
    source.write('one, ');
    await once(stream, 'ready');
    await new Promise(setImmediate);
    const early = textOf(file);
    stream.uncork();
    source.end('two');
    await closed(stream);
    return [early, textOf(file)];
  },
  async 'pipes into streams that append, and that begin within the file'(fs, file) {
    for (const options of [{ flags: 'a' }, { flags: 'r+', start: 5 }]) {
      const source = new PassThrough();
      const stream = fs.createWriteStream(file, options);
      source.pipe(stream);
      source.end('piped');
      await closed(stream);
    }
    return textOf(file);
  },
  async 'a number that is read between small writes'(fs, file) {
    const stream = fs.createWriteStream(file) as WithDescriptor;
    await once(stream, 'ready');
    stream.write('one, ');
    await new Promise((resolve) => stream.write('two, ', resolve));
    nodeFs.writeSync(stream.fd as number, 'three, ');
    stream.write('four, ');
    stream.end('five');
    await finished(stream);
    return textOf(file);
  },
};

// stream.fd is a second handle there. Closing it leaves the first one open until it is collected.
const withoutClose = testWhere(!isWindows, 'Windows keeps a handle of its own');
const isWithoutClose = (title: string): boolean => title === 'a stream that leaves its file open';

for (const [title, program] of Object.entries(programs)) {
  const run = isWithoutClose(title) ? withoutClose : test;
  run(`${title}: as with node:fs`, async () => {
    const results: unknown[] = [];
    for (const fs of [nodeFs, ourFs as unknown as Fs]) {
      const file = path.join(temporaryFolder(), 'file');
      nodeFs.writeFileSync(file, before);
      results.push(await program(fs, file));
    }
    expect(results[1]).toEqual(results[0]);
  });
}

const testOfOperations = testWhere(!isWindows, 'the operation exists on POSIX');

testOfOperations('a stream that ends before its file is open takes one operation', async () => {
  const file = path.join(temporaryFolder(), 'file');
  const { submitted } = engine.stats();
  const stream = ourFs.createWriteStream(file);
  stream.write('one, ');
  stream.end('two');
  await closed(stream as nodeFs.WriteStream);
  expect([engine.stats().submitted - submitted, textOf(file)]).toEqual([1, 'one, two']);
});

testOfOperations('what is piped within a turn takes one operation', async () => {
  for (const pipe of [
    (source: PassThrough, stream: nodeFs.WriteStream) => source.pipe(stream),
    (source: PassThrough, stream: nodeFs.WriteStream) => pipeline(source, stream),
  ]) {
    const file = path.join(temporaryFolder(), 'file');
    const { submitted } = engine.stats();
    const [source, stream] = [new PassThrough(), ourFs.createWriteStream(file)];
    pipe(source, stream as nodeFs.WriteStream);
    source.write('one, ');
    source.end('two');
    await closed(stream as nodeFs.WriteStream);
    expect([engine.stats().submitted - submitted, textOf(file)]).toEqual([1, 'one, two']);
  }
});

test('small writes of one turn take one operation', async () => {
  const file = path.join(temporaryFolder(), 'file');
  const stream = ourFs.createWriteStream(file);
  await once(stream, 'ready');
  const { submitted } = engine.stats();
  for (let i = 0; i < 100; i++) stream.write(`line ${i}\n`);
  await new Promise((resolve) => stream.write('last', resolve));
  expect(engine.stats().submitted - submitted).toBe(1);
  stream.end();
  await finished(stream);
});

testWithFifo('a stream that ends before a FIFO has a reader', async () => {
  const fifo = makeFifo();
  const stream = ourFs.createWriteStream(fifo);
  stream.end('content');
  const read = nodeFs.promises.readFile(fifo, 'utf8');
  await closed(stream as nodeFs.WriteStream);
  expect(await read).toBe('content');
});

testWhere(isLinux, '/dev/full is a device of Linux')(
  'a stream that ends before a full device is open fails with ENOSPC',
  async () => {
    const stream = ourFs.createWriteStream('/dev/full') as nodeFs.WriteStream;
    const trace = traceOf(stream, ['error', 'close']);
    stream.end('content');
    await closed(stream);
    expect([trace, stream.bytesWritten]).toEqual([[['error', 'ENOSPC', 'write'], 'close'], 0]);
  },
);

// The shell counts the limit in units of 512 bytes.
const limited = 'ulimit -f 4; exec "$0" "$@"';
const script = `
  const fs = require(process.argv[1]);
  const [file, way] = process.argv.slice(2);
  const stream = fs.createWriteStream(file);
  const events = [];
  const write = () => {
    for (let i = 0; i < 30; i++) stream.write(String(i % 10).repeat(100));
    stream.end();
  };
  if (way === 'early') write();
  else stream.on('ready', write);
  stream.on('error', ({ code, syscall }) => events.push([code, syscall]));
  stream.on('close', () => {
    const text = fs.readFileSync(file, 'latin1');
    console.log(JSON.stringify({ events, text, bytesWritten: stream.bytesWritten }));
  });`;

for (const way of ['early', 'late']) {
  testOfOperations(`a file that takes only some of the bytes (${way})`, async () => {
    const file = path.join(temporaryFolder(), 'file');
    const built = path.join(packageFolder, 'dist', 'fs.cjs');
    const args = ['-c', limited, process.execPath, '-e', script, built, file, way];
    const stdout = await new Promise<string>((resolve, reject) => {
      execFile('sh', args, (error, output) => (error ? reject(error) : resolve(output)));
    });
    const all = Array.from({ length: 30 }, (_, i) => `${i % 10}`.repeat(100)).join('');
    const text = all.slice(0, 2048);
    const events = [['EFBIG', 'write']];
    expect(JSON.parse(stdout)).toEqual({ events, text, bytesWritten: 2048 });
  });
}
