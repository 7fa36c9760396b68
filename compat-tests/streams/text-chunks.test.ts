import { once } from 'node:events';
import nodeFs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import ourFs from '../../lib/fs.js';
import { distUrl, resultOfChild, temporaryFolder } from '../helpers.js';

/**
 * Write streams that get strings, many of which wait for earlier writes. Each program runs with
 * node:fs and with ours.
 */

const builtUrl = JSON.stringify(distUrl('index.js'));

type Fs = typeof nodeFs;
type Program = (fs: Fs, file: string) => Promise<unknown>;
type Buffered = readonly { chunk: unknown; encoding: unknown }[];

async function closed(stream: nodeFs.WriteStream): Promise<void> {
  await new Promise<void>((resolve) => stream.on('close', () => resolve()));
}

/** Opens a stream and waits until its file is open, if asked. */
async function streamTo(
  fs: Fs,
  file: string,
  isOpen: boolean,
  options?: object,
): Promise<nodeFs.WriteStream> {
  const stream = fs.createWriteStream(file, options as never);
  if (isOpen) await new Promise<void>((resolve) => stream.on('ready', () => resolve()));
  return stream;
}

async function contentAfterEnd(stream: nodeFs.WriteStream, file: string): Promise<unknown> {
  const isClosed = closed(stream);
  stream.end();
  await isClosed;
  return [nodeFs.readFileSync(file, 'latin1'), stream.bytesWritten];
}

const ascii = 'a line of some characters\n';
const other = 'zwölf Zeichen, €, 😀\n';

const programs: Record<string, Program> = {};
for (const isOpen of [false, true]) {
  const when = isOpen ? 'after the file was opened' : 'before the file is open';
  programs[`strings of any characters, ${when}`] = async (fs, file) => {
    const stream = await streamTo(fs, file, isOpen);
    const seen: unknown[] = [];
    for (const text of [ascii, other, '', ascii, ascii.repeat(400), 'ÿ', '\0\x7f', ascii]) {
      seen.push(stream.write(text), stream.writableLength);
    }
    return [seen, await contentAfterEnd(stream, file)];
  };
  programs[`strings in any encoding, ${when}`] = async (fs, file) => {
    const stream = await streamTo(fs, file, isOpen);
    const seen: unknown[] = [];
    for (const encoding of ['utf8', 'UTF-8', 'latin1', 'ascii', 'utf16le', 'base64', 'hex']) {
      seen.push(stream.write('abcdef01', encoding as BufferEncoding), stream.writableLength);
      seen.push(stream.write('ä', encoding as BufferEncoding), stream.writableLength);
    }
    return [seen, await contentAfterEnd(stream, file)];
  };
  programs[`another default encoding, ${when}`] = async (fs, file) => {
    const stream = await streamTo(fs, file, isOpen, { encoding: 'utf16le' });
    for (let i = 0; i < 3; i++) stream.write('ab');
    stream.setDefaultEncoding('hex');
    for (let i = 0; i < 3; i++) stream.write('6162');
    stream.setDefaultEncoding('utf8');
    for (let i = 0; i < 3; i++) stream.write('ab');
    return contentAfterEnd(stream, file);
  };
  programs[`strings among Buffers, ${when}`] = async (fs, file) => {
    const stream = await streamTo(fs, file, isOpen);
    for (let i = 0; i < 20; i++) {
      stream.write(`${i} `);
      stream.write(Buffer.from(`${i}, `));
      stream.write(`${i};`);
      if (i % 7 === 0) stream.write(Buffer.alloc(20_000, 'x'));
    }
    return contentAfterEnd(stream, file);
  };
  programs[`corked strings, ${when}`] = async (fs, file) => {
    const stream = await streamTo(fs, file, isOpen);
    stream.cork();
    for (let i = 0; i < 700; i++) stream.write(`${i} `);
    stream.write(other);
    stream.uncork();
    stream.write('last');
    return contentAfterEnd(stream, file);
  };
  programs[`the chunks that a stream holds, ${when}`] = async (fs, file) => {
    const stream = await streamTo(fs, file, isOpen);
    for (const chunk of [ascii, 'second', Buffer.from('third'), 'fourth']) stream.write(chunk);
    const { writableBuffer } = stream as unknown as { writableBuffer: Buffered };
    const shown = writableBuffer.map(({ chunk, encoding }) => [
      Buffer.isBuffer(chunk),
      `${chunk}`,
      encoding,
    ]);
    return [shown, await contentAfterEnd(stream, file)];
  };
  programs[`methods that a program replaces get Buffers, ${when}`] = async (fs, file) => {
    const stream = await streamTo(fs, file, isOpen);
    const kinds: unknown[] = [];
    const { _write, _writev } = stream;
    stream._write = (chunk, encoding, done) => {
      kinds.push([Buffer.isBuffer(chunk), encoding]);
      _write.call(stream, chunk, encoding, done);
    };
    stream._writev = (chunks, done) => {
      kinds.push(chunks.map(({ chunk, encoding }) => [Buffer.isBuffer(chunk), encoding]));
      _writev?.call(stream, chunks, done);
    };
    for (let i = 0; i < 4; i++) stream.write(`${i}`);
    return [await contentAfterEnd(stream, file), kinds];
  };
  programs[`the callbacks of strings, ${when}`] = async (fs, file) => {
    const stream = await streamTo(fs, file, isOpen);
    const order: number[] = [];
    for (let i = 0; i < 5; i++) stream.write(`${i} `, () => order.push(i));
    for (let i = 5; i < 9; i++) stream.write(`${i} `, 'utf8', () => order.push(i));
    return [await contentAfterEnd(stream, file), order];
  };
  programs[`a destroyed stream, ${when}`] = async (fs, file) => {
    const stream = (await streamTo(fs, file, isOpen)).on('error', () => {});
    const isClosed = closed(stream);
    const codes: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      stream.write('text', (error) => codes.push((error as NodeJS.ErrnoException)?.code));
    }
    stream.destroy();
    await isClosed;
    return codes;
  };
}

programs['strings of several turns'] = async (fs, file) => {
  const stream = await streamTo(fs, file, false);
  for (let turn = 0; turn < 40; turn++) {
    for (let i = 0; i < turn; i++) stream.write(`${turn}.${i} ${i % 5 === 0 ? other : ascii}`);
    await (turn % 3 === 0 ? new Promise((resolve) => setImmediate(resolve)) : undefined);
  }
  return contentAfterEnd(stream, file);
};
programs['strings until the stream is full'] = async (fs, file) => {
  const stream = await streamTo(fs, file, false);
  const counts: number[] = [];
  for (let round = 0; round < 5; round++) {
    let count = 1;
    while (stream.write(`${round} ${ascii}`)) count++;
    counts.push(count);
    await once(stream, 'drain');
  }
  return [counts, await contentAfterEnd(stream, file)];
};
programs['strings at a position'] = async (fs, file) => {
  nodeFs.writeFileSync(file, '-'.repeat(100));
  const stream = await streamTo(fs, file, false, { flags: 'r+', start: 10 });
  for (let i = 0; i < 6; i++) stream.write(`${i} `);
  return contentAfterEnd(stream, file);
};
programs['strings that are appended'] = async (fs, file) => {
  nodeFs.writeFileSync(file, 'before ');
  const stream = await streamTo(fs, file, false, { flags: 'a' });
  for (let i = 0; i < 6; i++) stream.write(`${i} `);
  return contentAfterEnd(stream, file);
};
programs['Buffers in object mode'] = async (fs, file) => {
  const stream = await streamTo(fs, file, true, { objectMode: true });
  stream.on('error', () => {});
  stream.write(Buffer.from('bytes '));
  stream.write(Buffer.from('and more'));
  return contentAfterEnd(stream, file);
};

for (const [title, program] of Object.entries(programs)) {
  test(`${title}: as with node:fs`, async () => {
    const results: unknown[] = [];
    for (const fs of [nodeFs, ourFs as unknown as Fs]) {
      results.push(await program(fs, path.join(temporaryFolder(), 'file')));
    }
    expect(results[1]).toEqual(results[0]);
  });
}

test('functions that a program puts into node:fs get Buffers', async () => {
  const file = path.join(temporaryFolder(), 'file');
  const { writev } = nodeFs;
  const kinds: boolean[] = [];
  const spy = (fd: number, buffers: readonly unknown[], ...rest: unknown[]): void => {
    kinds.push(...buffers.map((buffer) => Buffer.isBuffer(buffer)));
    Reflect.apply(writev, nodeFs, [fd, buffers, ...rest]);
  };
  nodeFs.writev = spy as unknown as typeof writev;
  try {
    const stream = ourFs.createWriteStream(file);
    for (let i = 0; i < 4; i++) stream.write(`${i} `);
    expect(await contentAfterEnd(stream, file)).toEqual(['0 1 2 3 ', 8]);
  } finally {
    nodeFs.writev = writev;
  }
  expect(kinds).toEqual([true, true, true, true]);
});

test('a stream lets go of chunks once they are written', async () => {
  const script = `
    const { createWriteStream } = await import(${builtUrl});
    const stream = createWriteStream(argument);
    await once(stream, 'open');
    const references = await (async () => {
      const chunks = Array.from({ length: 8 }, () => Buffer.alloc(1000, 'x'));
      const written = chunks.map((chunk) => new Promise((resolve) => stream.write(chunk, resolve)));
      await Promise.all(written);
      return chunks.map((chunk) => new WeakRef(chunk));
    })();
    let held = references;
    for (let i = 0; i < 500 && held.length > 0; i++) {
      await sleep(2);
      gc();
      held = held.filter((reference) => reference.deref() !== undefined);
    }
    console.log(JSON.stringify({ held: held.length }));
    stream.end();`;
  const file = path.join(temporaryFolder(), 'file');
  const options = { flags: ['--expose-gc'], args: [file] };
  expect(await resultOfChild(script, options)).toEqual({ held: 0 });
});
