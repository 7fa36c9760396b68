import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { folderOf } from '../copy-tree/trees.js';
import { symbolicLinks } from '../ecosystem/tree.js';
import { isLinux, randomBytes, testWhere, testWithFifo, until } from '../helpers.js';
import { runExample, urlOfExample } from './run-example.js';

const large = randomBytes(3_000_001);
const outside = folderOf({ 'secret.txt': 'secret' });
const root = folderOf({
  'index.html': '<p>top',
  'a b/größe.txt': 'text',
  'large.bin': large,
  empty: '',
  'x.unknown': 'x',
});
let server: ChildProcess;
let port: number;

beforeAll(async () => {
  const output = path.join(outside, 'output');
  const descriptor = fs.openSync(output, 'w');
  const file = fileURLToPath(urlOfExample('file-server'));
  server = spawn(process.execPath, [file, root, '0'], {
    stdio: ['ignore', descriptor, descriptor],
    // Vitest's own NODE_OPTIONS are meant for tests.
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  fs.closeSync(descriptor);
  const address = /http:\/\/localhost:(\d+)\//;
  await until(() => address.test(fs.readFileSync(output, 'utf8')));
  port = Number(address.exec(fs.readFileSync(output, 'utf8'))?.[1]);
});
afterAll(() => void server.kill());

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** Requests a path unchanged, without the normalization of other clients. */
function ask(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // The server may close a connection that is kept, just when a request is sent on it.
    const options = { host: 'localhost', port, path: url, headers, method, agent: false };
    const sent = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const body = Buffer.concat(chunks);
        resolve({ status: response.statusCode as number, headers: response.headers, body });
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}

test('files have type, length and validators; HEAD returns the same without a body', async () => {
  const whole = await ask('/large.bin');
  expect(whole.status).toBe(200);
  expect(whole.body.equals(large)).toBe(true);
  // Dates of bigint statuses are cut to milliseconds, those of others are rounded.
  const { mtime } = fs.statSync(path.join(root, 'large.bin'), { bigint: true });
  expect(whole.headers).toMatchObject({
    'content-length': String(large.byteLength),
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    'last-modified': mtime.toUTCString(),
  });
  const head = await ask('/large.bin', {}, 'HEAD');
  expect(head.body.byteLength).toBe(0);
  const { date: _, ...headers } = head.headers;
  expect(whole.headers).toMatchObject(headers);
  const named = await ask('/a%20b/gr%C3%B6%C3%9Fe.txt?query=/../x');
  expect(named.body.toString()).toBe('text');
  expect(named.headers['content-type']).toBe('text/plain; charset=utf-8');
  expect((await ask('/')).body.toString()).toBe('<p>top');
  expect(await ask('/empty')).toMatchObject({ status: 200, body: Buffer.alloc(0) });
});

test('ranges return their part, or 416 beyond the end; invalid ones return all', async () => {
  const size = large.byteLength;
  for (const [range, start, end] of [
    ['bytes=0-0', 0, 1],
    ['bytes=100-1999', 100, 2000],
    ['bytes=2999990-', 2_999_990, size],
    ['bytes=-11', size - 11, size],
    ['bytes=-99999999', 0, size],
    ['bytes=5-99999999', 5, size],
  ] as const) {
    const part = await ask('/large.bin', { range });
    expect(part.status, range).toBe(206);
    expect(part.headers['content-range']).toBe(`bytes ${start}-${end - 1}/${size}`);
    expect(part.body.equals(large.subarray(start, end)), range).toBe(true);
  }
  for (const [url, range] of [
    ['/large.bin', `bytes=${size}-`],
    ['/large.bin', 'bytes=-0'],
    ['/empty', 'bytes=0-'],
  ] as const) {
    const none = await ask(url, { range });
    expect(none.status, range).toBe(416);
    expect(none.headers['content-range']).toMatch(/^bytes \*\/\d+$/);
  }
  for (const range of ['bytes=2-1', 'bytes=a-b', 'bytes=0-1,5-6', 'lines=1-2', 'bytes=-']) {
    expect((await ask('/index.html', { range })).status, range).toBe(200);
  }
});

test('content that the client already has is not sent again: 304, and If-Range', async () => {
  const { headers } = await ask('/index.html');
  const etag = headers.etag as string;
  const modified = headers['last-modified'] as string;
  for (const known of [
    { 'if-none-match': etag },
    { 'if-none-match': `"other", W/${etag}` },
    { 'if-none-match': '*' },
    { 'if-modified-since': modified },
  ]) {
    expect(await ask('/index.html', known)).toMatchObject({ status: 304, body: Buffer.alloc(0) });
  }
  // If both are present, the tag decides.
  const both = { 'if-none-match': '"other"', 'if-modified-since': modified };
  expect((await ask('/index.html', both)).status).toBe(200);
  const range = 'bytes=1-2';
  expect((await ask('/index.html', { range, 'if-range': etag })).status).toBe(206);
  expect((await ask('/index.html', { range, 'if-range': '"other"' })).status).toBe(200);
  fs.writeFileSync(path.join(root, 'index.html'), '<p>new');
  expect((await ask('/index.html', { 'if-none-match': etag })).body.toString()).toBe('<p>new');
});

test('nothing outside the folder is served, whatever the path', async () => {
  const up = `../${path.basename(path.dirname(outside))}/tree/secret.txt`;
  for (const url of [
    '/../secret.txt',
    `/${up}`,
    `/..%2f..%2f${up}`,
    `/%2e%2e/%2e%2e/${up}`,
    '/..\\secret.txt',
    '/..%5csecret.txt',
    '/C:%5cWindows',
    '/index.html%00.txt',
    '/%',
    '/%ff',
    '//etc/passwd/../../x',
  ]) {
    const { status, body } = await ask(url);
    expect([400, 404], url).toContain(status);
    expect(body.byteLength).toBe(0);
  }
  expect((await ask('//index.html')).body.toString()).toContain('<p>');
});

testWhere(symbolicLinks, 'this user may make no symbolic links here')(
  'a link that leads out of the folder is not followed; one within is',
  async () => {
    for (const [name, target] of [
      ['out', path.join(outside, 'secret.txt')],
      ['outfolder', outside],
      ['in', 'empty'],
    ] as const) {
      fs.rmSync(path.join(root, name), { force: true });
      fs.symlinkSync(target, path.join(root, name), target === outside ? 'dir' : 'file');
    }
    expect((await ask('/out')).status).toBe(404);
    expect((await ask('/outfolder/secret.txt')).status).toBe(404);
    expect((await ask('/in')).status).toBe(200);
  },
);

test('a missing path and a path that is not a file are 404; other methods are 405', async () => {
  expect((await ask('/missing')).status).toBe(404);
  expect((await ask('/a%20b')).status).toBe(404);
  expect((await ask('/a%20b/')).status).toBe(404);
  expect((await ask('/index.html/')).status).toBe(404);
  expect((await ask(`/${'x'.repeat(3000)}`)).status).toBe(404);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const refused = await ask('/index.html', {}, method);
    expect(refused).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
  }
});

testWithFifo('a FIFO is not opened', async () => {
  if (!fs.existsSync(path.join(root, 'fifo'))) execFileSync('mkfifo', [path.join(root, 'fifo')]);
  expect((await ask('/fifo')).status).toBe(404);
});

testWhere(isLinux, 'the descriptors of a process are seen in /proc')(
  'a client that disconnects leaves no file open and the server running',
  async () => {
    // Larger than a socket's buffers, so the server cannot finish while the client reads nothing.
    fs.writeFileSync(path.join(root, 'huge.bin'), '');
    fs.truncateSync(path.join(root, 'huge.bin'), 256 << 20);
    // A descriptor that has been closed since the folder was read is not open.
    const targetOf = (fd: string) => {
      try {
        return fs.readlinkSync(`/proc/${server.pid}/fd/${fd}`);
      } catch {
        return '';
      }
    };
    const open = () =>
      fs.readdirSync(`/proc/${server.pid}/fd`).filter((fd) => targetOf(fd).endsWith('huge.bin'));
    for (let i = 0; i < 20; i++) {
      const socket = connect(port, 'localhost');
      socket.on('error', () => {});
      socket.write('GET /huge.bin HTTP/1.1\r\nhost: x\r\n\r\n');
      await new Promise((resolve) => socket.once('data', () => resolve(socket.pause())));
      expect(open()).toHaveLength(1);
      socket.destroy();
      await until(() => open().length === 0);
    }
    expect((await ask('/empty')).status).toBe(200);
  },
);

test('an invalid command line ends with code 2', async () => {
  expect((await runExample('file-server')).code).toBe(2);
  expect((await runExample('file-server', root, 'port')).code).toBe(2);
});
