import { execFile } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { createReadStream, createWriteStream } from '../../lib/fs.js';
import { isWindows, packageFolder, randomBytes, temporaryFolder, testWhere } from '../helpers.js';

const streams = path.join(packageFolder, 'dist', 'fs.js');
const limitKibi = 3 * 1024;

// Writes 8 MiB, in chunks of some size, to a file that is limited to 3 MiB.
const script = `
  import fs from ${JSON.stringify(streams)};
  import { Readable } from 'node:stream';
  const [file, chunkSize, how, flags] = process.argv.slice(1);
  const data = Buffer.alloc(8 * 1024 * 1024).map((_, index) => index >> 10);
  const chunks = [];
  for (let at = 0; at < data.length; at += +chunkSize) {
    chunks.push(data.subarray(at, at + +chunkSize));
  }
  const stream = fs.createWriteStream(file, { flags });
  const events = [];
  stream.on('error', (error) => events.push(error.code)).on('finish', () => events.push('finish'));
  stream.on('close', () => {
    const content = fs.readFileSync(file);
    const isPrefix = content.equals(data.subarray(0, content.length));
    const { bytesWritten: written } = stream;
    console.log(JSON.stringify({ events, isPrefix, size: content.length, written }));
  });
  if (how === 'piped') Readable.from(chunks, { objectMode: false }).pipe(stream);
  else {
    for (const chunk of chunks) stream.write(chunk);
    stream.end();
  }
`;

const testWithLimit = testWhere(!isWindows, 'Windows has no limit of the size of a file');
const kinds = [
  [8 * 1024 * 1024, 'by hand', 'w'],
  [65_536, 'by hand', 'w'],
  [1000, 'by hand', 'w'],
  [65_536, 'piped', 'w'],
  [1024 * 1024, 'piped', 'w'],
  [65_536, 'piped', 'a'],
] as const;

for (const [chunkSize, how, flags] of kinds) {
  const title = `chunks of ${chunkSize} bytes ${how} to '${flags}'`;
  testWithLimit(`past the limit of its size a file is a prefix: ${title}`, async () => {
    const file = path.join(temporaryFolder(), 'file');
    const given = [file, `${chunkSize}`, how, flags];
    const limited = `ulimit -f ${limitKibi * 2}; exec "$0" "$@"`;
    const node = [process.execPath, '--no-warnings', '--input-type=module', '-e', script];
    // dash counts in units of 512 bytes.
    const { stdout } = await promisify(execFile)('sh', ['-c', limited, ...node, ...given]);
    const { events, isPrefix, size, written } = JSON.parse(stdout);
    expect({ events, isPrefix }).toEqual({ events: ['EFBIG'], isPrefix: true });
    expect(size).toBeLessThanOrEqual(limitKibi * 1024);
    expect(written).toBe(size);
  });
}

test('a destroyed stream leaves a prefix of the data that was piped into it', async () => {
  const data = randomBytes(16 * 1024 * 1024);
  const source = path.join(temporaryFolder(), 'source');
  fs.writeFileSync(source, data);
  for (let round = 0; round < 5; round++) {
    const file = path.join(temporaryFolder(), 'file');
    const stream = createWriteStream(file);
    const from = createReadStream(source, { highWaterMark: 1024 * 1024 });
    from.pipe(stream);
    await once(stream, 'progress');
    stream.destroy();
    from.destroy();
    await once(stream, 'close');
    const content = fs.readFileSync(file);
    expect(content.equals(data.subarray(0, content.byteLength))).toBe(true);
  }
});

test('a failed stream keeps the content of its file after the point of failure', async () => {
  const file = path.join(temporaryFolder(), 'file');
  fs.writeFileSync(file, Buffer.alloc(4 * 1024 * 1024, 'o'));
  const stream = createWriteStream(file, { flags: 'r+' });
  for (let index = 0; index < 8; index++) stream.write(Buffer.alloc(256 * 1024, 'n'));
  await once(stream, 'progress');
  stream.destroy();
  await once(stream, 'close');
  const content = fs.readFileSync(file, 'latin1');
  expect(content).toHaveLength(4 * 1024 * 1024);
  expect(content.slice(2 * 1024 * 1024)).toBe('o'.repeat(2 * 1024 * 1024));
});

test('a stream that is destroyed immediately creates its file, even in a busy thread', async () => {
  const file = path.join(temporaryFolder(), 'file');
  const stream = createWriteStream(file);
  const events: string[] = [];
  for (const event of ['open', 'ready', 'close']) stream.on(event, () => events.push(event));
  stream.destroy();
  for (const end = Date.now() + 200; Date.now() < end; );
  await once(stream, 'close');
  expect(events).toEqual(['open', 'ready', 'close']);
  expect(fs.existsSync(file)).toBe(true);
});
