import { spawn } from 'node:child_process';
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as http from 'node:http';
import * as net from 'node:net';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { type Duplex, PassThrough, Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CompressionStream, DecompressionStream, TransformStream } from 'node:stream/web';
import * as zlib from 'node:zlib';
import { parse as parseCsv } from 'csv-parse';
import * as streamx from 'streamx';
import * as tar from 'tar-stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createReadStream, createWriteStream } from '../../lib/fs.js';
import { engine, open } from '../../lib/index.js';
import * as x from '../../lib/streams/streamx.js';
import * as web from '../../lib/streams/web.js';
import {
  isLinux,
  isWindows,
  openDescriptors,
  randomBytes,
  sha256OfFile,
  testWhere,
  unbufferedFolder,
  until,
} from '../helpers.js';
import { bytesOf, connect, kinds, type Source, sinkOf, sourceOf } from './adaptors.js';

const size = 1_300_003;
// Half of it is compressible.
const content = Buffer.concat([randomBytes(size - 650_000), Buffer.alloc(650_000, 'abcdefg')]);
let folder: string;
let source: string;
let hash: string;
let next = 0;

function newFile(): string {
  return path.join(folder, `file-${next++}`);
}

beforeAll(async () => {
  folder = await unbufferedFolder();
  source = newFile();
  fs.writeFileSync(source, content);
  hash = sha256OfFile(source);
});
afterAll(async () => {
  await until(() => engine.stats().inFlight === 0);
  if (isLinux) await until(() => openDescriptors(folder) === 0);
});

/** Converts one of our sources to a stream that Node's streams can be piped from. */
function asNode(stream: Source): Readable {
  if ('getReader' in stream) return Readable.fromWeb(stream);
  return stream as Readable;
}

/** One of our kinds of stream, as the tests below use it. */
interface Way {
  name: string;
  read(file: string, options?: object): Source;
  write(file: string): ReturnType<typeof sinkOf>;
  /** Pipes a source through transforms of Node into a sink of the same kind. */
  through(from: string, ...transforms: Duplex[]): Promise<string>;
}

function makeWay(kind: (typeof kinds)[number], unbuffered: boolean): Way {
  const read = (file: string, options: object = {}): Source =>
    sourceOf(kind, file, { unbuffered, ...options });
  const write = (file: string) => sinkOf(kind, file, { unbuffered });
  const through = async (from: string, ...transforms: Duplex[]): Promise<string> => {
    const file = newFile();
    const [first, last] = [transforms[0] as Duplex, transforms.at(-1) as Duplex];
    for (const [i, transform] of transforms.entries()) {
      const following = transforms[i + 1];
      if (following) transform.pipe(following);
    }
    const feeding = pipeline(read(from) as Readable, first);
    await Promise.all([feeding, connect(last, write(file))]);
    return file;
  };
  return { name: unbuffered ? `unbuffered ${kind}` : kind, read, write, through };
}

const ways = kinds.flatMap((kind) => [false, true].map((unbuffered) => makeWay(kind, unbuffered)));

for (const { name, through } of ways) {
  const codecs: [string, () => Duplex, () => Duplex][] = [
    ['gzip', zlib.createGzip, zlib.createGunzip],
    ['deflate', zlib.createDeflate, zlib.createInflate],
    ['brotli', () => zlib.createBrotliCompress(quickBrotli), zlib.createBrotliDecompress],
  ];
  for (const [codec, compress, decompress] of codecs) {
    test(`${name}: ${codec} and back`, async () => {
      const compressed = await through(source, compress());
      expect(fs.statSync(compressed).size).toBeLessThan(size);
      expect(sha256OfFile(await through(compressed, decompress()))).toBe(hash);
      expect(sha256OfFile(await through(source, compress(), decompress()))).toBe(hash);
    });
  }

  const zstd = zlib as unknown as Record<string, (() => Duplex) | undefined>;
  testWhere(typeof zstd.createZstdCompress === 'function', 'this Node has no zstd')(
    `${name}: zstd and back`,
    async () => {
      const compressed = await through(source, (zstd.createZstdCompress as () => Duplex)());
      expect(fs.statSync(compressed).size).toBeLessThan(size);
      const file = await through(compressed, (zstd.createZstdDecompress as () => Duplex)());
      expect(sha256OfFile(file)).toBe(hash);
    },
  );
}

for (const { name, read, through } of ways) {
  test(`${name}: a hash as a stream`, async () => {
    const digest = createHash('sha256');
    await pipeline(read(source) as Readable, digest);
    expect(digest.digest('hex')).toBe(hash);
  });

  test(`${name}: a cipher and back`, async () => {
    const [key, iv] = [randomBytes(32, 3), randomBytes(16, 4)];
    const encrypted = await through(source, createCipheriv('aes-256-cbc', key, iv));
    expect(fs.statSync(encrypted).size).toBe(Math.ceil((size + 1) / 16) * 16);
    const file = await through(encrypted, createDecipheriv('aes-256-cbc', key, iv));
    expect(sha256OfFile(file)).toBe(hash);
  });
}

for (const { name, read, write } of ways) {
  test(`${name}: into a socket, and from a socket`, async () => {
    const file = newFile();
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const received = once(server, 'connection').then(([socket]) => connect(socket, write(file)));
    const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
    await pipeline(read(source) as Readable, client);
    await received;
    server.close();
    await once(server, 'close');
    expect(sha256OfFile(file)).toBe(hash);
  });

  test(`${name}: request and response of HTTP`, async () => {
    const uploaded = newFile();
    const downloaded = newFile();
    const server = http.createServer(async (request, response) => {
      await connect(request, write(uploaded));
      await pipeline(read(uploaded) as Readable, response);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as net.AddressInfo;
    const request = http.request({ port, host: '127.0.0.1', method: 'POST', agent: false });
    const answered = once(request, 'response');
    await pipeline(read(source) as Readable, request);
    const [response] = await answered;
    await connect(response, write(downloaded));
    server.close();
    await once(server, 'close');
    expect([sha256OfFile(uploaded), sha256OfFile(downloaded)]).toEqual([hash, hash]);
  });
}

for (const { name, read, write } of ways) {
  testWhere(!isWindows, 'Node under Wine opens no pipes to a child')(
    `${name}: stdin and stdout of a child process`,
    async () => {
      const file = newFile();
      const script = 'process.stdin.pipe(process.stdout)';
      const child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
      const exited = once(child, 'exit');
      await Promise.all([
        pipeline(read(source) as Readable, child.stdin),
        connect(child.stdout, write(file)),
      ]);
      expect(await exited).toEqual([0, null]);
      expect(sha256OfFile(file)).toBe(hash);
    },
  );

  test(`${name}: a streamx pipeline, from and into`, async () => {
    const file = newFile();
    let bytes = 0;
    const counting = new streamx.Transform({
      transform(chunk: unknown, callback: (error: Error | null, chunk: unknown) => void) {
        bytes += (chunk as Uint8Array).byteLength;
        callback(null, chunk);
      },
    } as object);
    const from = read(source);
    const first = 'getReader' in from ? streamx.Readable.from(from as never) : from;
    const sink = write(file);
    const last = 'getWriter' in sink ? Writable.fromWeb(sink as never) : sink;
    await streamx.pipelinePromise(first as never, counting, last as never);
    expect(bytes).toBe(size);
    await until(() => fs.statSync(file).size === size);
    expect(sha256OfFile(file)).toBe(hash);
  });

  test(`${name}: pipeline() of stream/promises with a generator between`, async () => {
    const file = newFile();
    const sink = write(file);
    let bytes = 0;
    const count = async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunks) {
        bytes += chunk.byteLength;
        yield chunk;
      }
    };
    await pipeline(read(source) as Readable, count, sink as Writable);
    expect(bytes).toBe(size);
    expect(sha256OfFile(file)).toBe(hash);
  });
}

for (const { name, read, write } of ways) {
  test(`${name}: a tar archive, packed and extracted`, async () => {
    const archive = newFile();
    const pack = tar.pack();
    const entries = ['first', 'second'];
    const packing = (async () => {
      for (const entry of entries) {
        await pipeline(read(source) as Readable, pack.entry({ name: entry, size }));
      }
      pack.finalize();
    })();
    await Promise.all([packing, connect(pack as unknown as Source, write(archive))]);
    const extract = tar.extract();
    const extracted = new Map<string, string>();
    extract.on('entry', (header, stream, done) => {
      const file = newFile();
      connect(stream as unknown as Source, write(file)).then(() => {
        extracted.set(header.name, sha256OfFile(file));
        done();
      }, done);
    });
    await pipeline(read(archive) as Readable, extract as unknown as Writable);
    expect([...extracted]).toEqual(entries.map((entry) => [entry, hash]));
  });

  test(`${name}: lines by readline`, async () => {
    const file = newFile();
    const lines = Array.from({ length: 25_000 }, (_, i) => `line ${i} ä ${'x'.repeat(i % 50)}`);
    await connect(Readable.from(lines.map((line) => `${line}\n`)), write(file));
    const input = asNode(read(file));
    const found: string[] = [];
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      found.push(line);
    }
    expect(found).toEqual(lines);
  });

  test(`${name}: records by csv-parse`, async () => {
    const file = newFile();
    const rows = Array.from({ length: 10_000 }, (_, i) => [`${i}`, `"quoted, ${i}"`, 'ü']);
    await connect(Readable.from(rows.map((row) => `${row.join(',')}\n`)), write(file));
    const records: string[][] = [];
    await pipeline(read(file) as Readable, parseCsv(), async (found: AsyncIterable<string[]>) => {
      for await (const record of found) records.push(record);
    });
    expect(records.length).toBe(rows.length);
    expect(records[9_999]).toEqual(['9999', 'quoted, 9999', 'ü']);
  });
}

const quickBrotli = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } };

for (const unbuffered of [false, true]) {
  const name = unbuffered ? 'unbuffered web' : 'web';

  test(`${name}: pipeThrough() with CompressionStream and back, into pipeTo()`, async () => {
    const compressed = newFile();
    const restored = newFile();
    await web
      .createReadableStream(source, { unbuffered })
      .pipeThrough(new CompressionStream('gzip') as never)
      .pipeTo(web.createWritableStream(compressed, { unbuffered }));
    expect(zlib.gunzipSync(fs.readFileSync(compressed)).equals(content)).toBe(true);
    await web
      .createReadableStream(compressed, { unbuffered })
      .pipeThrough(new DecompressionStream('gzip') as never)
      .pipeTo(web.createWritableStream(restored, { unbuffered }));
    expect(sha256OfFile(restored)).toBe(hash);
  });

  test(`${name}: tee() passes all bytes to both sides`, async () => {
    const [one, two] = web.createReadableStream(source, { unbuffered }).tee();
    const both = await Promise.all([bytesOf(one), bytesOf(two)]);
    expect(both.every((bytes) => bytes.equals(content))).toBe(true);
  });

  test(`${name}: streams of one handle, in and out`, async () => {
    const file = newFile();
    const from = await open(source, 'r', { unbuffered });
    const to = await open(file, 'w', { unbuffered });
    const readable = from.readableWebStream({ type: 'bytes', autoClose: true }) as never;
    await (readable as ReturnType<typeof web.createReadableStream>)
      .pipeThrough(new TransformStream())
      .pipeTo(to.writableWebStream());
    expect(from.fd).toBe(-1);
    const writer = to.writableWebStream({ autoClose: true }).getWriter();
    await writer.write('tail');
    await writer.close();
    expect(to.fd).toBe(-1);
    const expected = Buffer.concat([content, Buffer.from('tail')]);
    expect(fs.readFileSync(file).equals(expected)).toBe(true);
  });
}

test('strings, views and ArrayBuffers may be written directly', async () => {
  const expected = Buffer.from('äbc\x01\x00\x02\x00xyz');
  for (const unbuffered of [false, true]) {
    const file = newFile();
    const writer = web.createWritableStream(file, { unbuffered }).getWriter();
    const pieces = ['äbc', Uint16Array.of(1, 2), Uint8Array.from(Buffer.from('xyz')).buffer];
    for (const piece of pieces) await writer.write(piece);
    await writer.close();
    expect(fs.readFileSync(file).equals(expected)).toBe(true);
    const stream = x.createWriteStream(file, { unbuffered });
    for (const piece of pieces.slice(0, 2)) stream.write(piece as never);
    stream.end(Buffer.from('xyz') as never);
    await once(stream as never, 'close');
    expect(fs.readFileSync(file).equals(expected)).toBe(true);
  }
});

test('a streamx stream with an encoding yields strings', async () => {
  const text = 'äöü€'.repeat(100_000);
  const file = newFile();
  fs.writeFileSync(file, text);
  let found = '';
  const stream = x.createReadStream(file, { encoding: 'utf8', readAhead: { chunkSize: 1001 } });
  for await (const chunk of stream as AsyncIterable<string>) found += chunk;
  expect(found).toBe(text);
});

test('a PassThrough accepts data piped from a streamx stream', async () => {
  const through = new PassThrough();
  x.createReadStream(source).pipe(through as never);
  expect((await bytesOf(through)).equals(content)).toBe(true);
});

test("memory that drains or resolves is the writer's again", async () => {
  const block = 300_000;
  for (const unbuffered of [false, true]) {
    const expected: Buffer[] = [];
    const files = [newFile(), newFile()] as const;
    const stream = x.createWriteStream(files[0], { unbuffered });
    const writer = web.createWritableStream(files[1], { unbuffered }).getWriter();
    const memory = Buffer.alloc(block);
    for (let i = 0; i < 20; i++) {
      memory.fill(i);
      expected.push(Buffer.from(memory));
      await writer.write(memory);
      if (!stream.write(memory as never)) await once(stream as never, 'drain');
    }
    await writer.close();
    stream.end(undefined);
    await once(stream as never, 'close');
    for (const file of files) {
      expect(fs.readFileSync(file).equals(Buffer.concat(expected))).toBe(true);
    }
  }
});

test('write streams of Node and of streamx report how far the file is complete', async () => {
  const positions: number[] = [];
  const stream = x.createWriteStream(newFile());
  stream.on('progress', (position) => void positions.push(position));
  await connect(createReadStream(source), stream);
  expect(stream.flushedPosition).toBe(size);
  expect(stream.bytesWritten).toBe(size);
  expect(positions).toEqual([...positions].sort((a, b) => a - b));
  const sink = createWriteStream(newFile());
  await connect(x.createReadStream(source), sink);
  expect(sink.bytesWritten).toBe(size);
});
