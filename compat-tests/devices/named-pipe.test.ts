// Named pipe servers and clients (CreateNamedPipe, ConnectNamedPipe).
import * as fs from 'node:fs';
import { expect, test } from 'vitest';
import {
  connectNamedPipe,
  createNamedPipe,
  type NamedPipeServer,
} from '../../lib/devices/index.js';
import { AbortError, type FileHandle } from '../../lib/index.js';
import {
  isWindows,
  rejection,
  resultOfChild,
  settled,
  sleep,
  testWhere,
  until,
} from '../helpers.js';
import { devicesUrl, newPipeName } from './device-names.js';

const testOnWindows = testWhere(isWindows, 'a FIFO has one direction and one connection');
const testOnPosix = testWhere(!isWindows, 'Windows has no FIFO');

/** A reading server with a connected client. */
async function connectedPair(): Promise<[NamedPipeServer, FileHandle, FileHandle]> {
  const server = await createNamedPipe(newPipeName(), { direction: 'in' });
  const [reader, writer] = await Promise.all([
    server.connect(),
    connectNamedPipe(server.name, { direction: 'out' }),
  ]);
  return [server, reader, writer];
}

async function readText(handle: FileHandle, size = 100): Promise<string> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(size));
  return buffer.toString('utf8', 0, bytesRead);
}

test('another process writes to the server, which sees its end', async () => {
  const server = await createNamedPipe(newPipeName(), { direction: 'in' });
  const script = `
    const { connectNamedPipe } = await import(process.argv[2]);
    const pipe = await connectNamedPipe(process.argv[3], { direction: 'out' });
    await pipe.write('from another process');
    await pipe.close();
    console.log(JSON.stringify(pipe.deviceType));
  `;
  const child = resultOfChild<string>(script, { args: [devicesUrl, server.name] });
  const reader = await server.connect();
  expect(reader.deviceType).toBe('pipe');
  expect(await reader.readFile('utf8')).toBe('from another process');
  expect(await child).toBe('pipe');
  await reader.close();
  await server.close();
});

test('the server writes to another process', async () => {
  const server = await createNamedPipe(newPipeName(), { direction: 'out' });
  const script = `
    const { connectNamedPipe } = await import(process.argv[2]);
    const pipe = await connectNamedPipe(process.argv[3], { direction: 'in' });
    console.log(JSON.stringify(await pipe.readFile('utf8')));
    await pipe.close();
  `;
  const child = resultOfChild<string>(script, { args: [devicesUrl, server.name] });
  const writer = await server.connect();
  await writer.writeFile('to another process');
  // On Windows, unread data is lost with the last handle of a pipe.
  if (isWindows) await writer.sync();
  await writer.close();
  expect(await child).toBe('to another process');
  await server.close();
});

testOnWindows('a duplex pipe answers another process while a read waits', async () => {
  const server = await createNamedPipe(newPipeName(), { direction: 'duplex' });
  const script = `
    const { connectNamedPipe } = await import(process.argv[2]);
    const pipe = await connectNamedPipe(process.argv[3], { direction: 'duplex' });
    const answer = pipe.read(Buffer.alloc(100));
    await sleep(50);
    await pipe.write('question');
    const { bytesRead, buffer } = await answer;
    await pipe.close();
    console.log(JSON.stringify(buffer.toString('utf8', 0, bytesRead)));
  `;
  const child = resultOfChild<string>(script, { args: [devicesUrl, server.name] });
  const handle = await server.connect();
  expect(await readText(handle)).toBe('question');
  const end = handle.read(Buffer.alloc(1));
  await sleep(50);
  await handle.write('answer');
  expect(await child).toBe('answer');
  expect((await end).bytesRead).toBe(0);
  await handle.close();
  await server.close();
});

testOnWindows('messages come one by one, and a long one in parts', async () => {
  const server = await createNamedPipe(newPipeName(), { direction: 'duplex', messages: true });
  const [one, other] = await Promise.all([
    server.connect(),
    connectNamedPipe(server.name, { direction: 'duplex', messages: true }),
  ]);
  await other.write('first');
  await other.write('second one');
  expect(await readText(one)).toBe('first');
  expect(await readText(one, 6)).toBe('second');
  expect(await readText(one)).toBe(' one');
  await one.write('a');
  await one.write('b');
  expect([await readText(other), await readText(other)]).toEqual(['a', 'b']);
  await Promise.all([one.close(), other.close()]);
  await server.close();
});

testOnWindows('200 connects wait at once, and each gets a client of its own', async () => {
  const count = 200;
  const server = await createNamedPipe(newPipeName(), { direction: 'duplex' });
  const connecting = Array.from({ length: count }, () => server.connect());
  const clients = await Promise.all(
    Array.from({ length: count }, () => connectNamedPipe(server.name, { direction: 'duplex' })),
  );
  const handles = await Promise.all(connecting);
  expect(new Set(handles).size).toBe(count);
  await Promise.all(clients.map((client, i) => client.write(`${i}`)));
  const texts = await Promise.all(handles.map((handle) => readText(handle)));
  expect(new Set(texts).size).toBe(count);
  await Promise.all([...clients, ...handles].map((handle) => handle.close()));
  await server.close();
});

testOnWindows(
  'pending connects do not block file operations, and are canceled once each',
  async () => {
    const server = await createNamedPipe(newPipeName(), { direction: 'in' });
    const controller = new AbortController();
    const connecting = Array.from({ length: 200 }, () =>
      rejection(server.connect({ signal: controller.signal })),
    );
    await sleep(20);
    // The workers of the bounded lane are free.
    const { readFile } = await import('../../lib/index.js');
    const contents = Array.from({ length: 50 }, () => readFile(import.meta.filename));
    expect((await Promise.all(contents)).every((content) => content.length > 0)).toBe(true);
    controller.abort();
    for (const error of await Promise.all(connecting)) expect(error).toBeInstanceOf(AbortError);
    await server.close();
  },
);

testOnWindows(
  'disconnect() ends a connection, and its instance serves another client',
  async () => {
    const server = await createNamedPipe(newPipeName(), { direction: 'duplex', instancesMax: 1 });
    const [handle, client] = await Promise.all([
      server.connect(),
      connectNamedPipe(server.name, { direction: 'duplex' }),
    ]);
    expect((await rejection(server.connect())).code).toBe('EBUSY');
    const busy = { direction: 'duplex', waitMs: 50 } as const;
    expect((await rejection(connectNamedPipe(server.name, busy))).code).toBe('ETIMEDOUT');
    await server.disconnect(handle);
    expect((await rejection(server.disconnect(handle))).code).toBe('ERR_INVALID_ARG_VALUE');
    await rejection(client.write('gone'));
    await client.close();
    const [again, next] = await Promise.all([
      server.connect(),
      connectNamedPipe(server.name, { direction: 'duplex' }),
    ]);
    await next.write('next');
    expect(await readText(again)).toBe('next');
    await Promise.all([again.close(), next.close()]);
    await server.close();
  },
);

test('a client reads the end of the pipe once the server has disconnected it', async () => {
  const server = await createNamedPipe(newPipeName(), { direction: 'out' });
  const [handle, client] = await Promise.all([
    server.connect(),
    connectNamedPipe(server.name, { direction: 'in' }),
  ]);
  const waiting = client.read(Buffer.alloc(1));
  await sleep(20);
  await server.disconnect(handle);
  expect((await waiting).bytesRead).toBe(0);
  expect((await client.read(Buffer.alloc(1))).bytesRead).toBe(0);
  await client.close();
  await server.close();
});

test('disconnect() closes the handle and ends its operations', async () => {
  const [server, reader, writer] = await connectedPair();
  const reads = Array.from({ length: 20 }, () => settled(reader.read(Buffer.alloc(1))));
  await sleep(20);
  await server.disconnect(reader);
  for (const { error } of await Promise.all(reads)) expect(error).toBeDefined();
  expect((await rejection(reader.read(Buffer.alloc(1)))).code).toBe('EBADF');
  await reader.close();
  await writer.close();
  await server.close();
});

testOnWindows('after disconnect() the old handle cannot read data of the next client', async () => {
  const server = await createNamedPipe(newPipeName(), { direction: 'duplex', instancesMax: 1 });
  const connect = () =>
    Promise.all([server.connect(), connectNamedPipe(server.name, { direction: 'duplex' })]);
  const [handle, client] = await connect();
  await server.disconnect(handle);
  const [next, nextClient] = await connect();
  expect(next).not.toBe(handle);
  const late = rejection(handle.read(Buffer.alloc(100)));
  await nextClient.write('for the next handle');
  expect((await late).code).toBe('EBADF');
  expect(await readText(next)).toBe('for the next handle');
  await Promise.all([client, nextClient, next].map((end) => end.close()));
  await server.close();
});

testOnWindows(
  'closing a handle after disconnect(), or by its stream, does not end the server',
  async () => {
    const server = await createNamedPipe(newPipeName(), { direction: 'duplex', instancesMax: 1 });
    for (let round = 0; round < 3; round++) {
      const [handle, client] = await Promise.all([
        server.connect(),
        connectNamedPipe(server.name, { direction: 'duplex' }),
      ]);
      const stream = handle
        .createReadStream()
        .on('error', () => {})
        .resume();
      await sleep(20);
      await server.disconnect(handle);
      await until(() => stream.closed);
      await handle.close({ cancel: true });
      await client.close();
    }
    await server.close();
  },
);

testOnWindows('a client waits until an instance is free', async () => {
  const server = await createNamedPipe(newPipeName(), { direction: 'in', instancesMax: 1 });
  const first = await connectNamedPipe(server.name, { direction: 'out' });
  const handle = await server.connect();
  const second = connectNamedPipe(server.name, { direction: 'out', waitMs: 20_000 });
  await sleep(50);
  await first.close();
  await server.disconnect(handle);
  const again = await server.connect();
  const late = await second;
  await Promise.all([again, late, handle].map((end) => end.close()));
  await server.close();
});

testOnWindows('a client that has connected and left before connect() is served', async () => {
  const server = await createNamedPipe(newPipeName(), { direction: 'in' });
  const client = await connectNamedPipe(server.name, { direction: 'out' });
  await client.write('and gone');
  await client.close();
  const handle = await server.connect();
  expect(await handle.readFile('utf8')).toBe('and gone');
  await handle.close();
  await server.close();
});

test('a name without a server is not found', async () => {
  const name = newPipeName();
  const gone = await rejection(connectNamedPipe(name, { direction: 'out' }));
  expect(gone).toMatchObject({ code: 'ENOENT', syscall: 'open' });
  expect(gone.path?.endsWith(name)).toBe(true);
});

test('close() of the server ends a pending connect() but keeps connected handles', async () => {
  const [server, reader, writer] = await connectedPair();
  const other = await createNamedPipe(newPipeName(), { direction: 'in' });
  const waiting = rejection(other.connect());
  await sleep(20);
  await Promise.all([server.close(), other.close()]);
  expect(await waiting).toBeInstanceOf(AbortError);
  await writer.write('goes on');
  expect(await readText(reader)).toBe('goes on');
  expect((await rejection(server.connect())).code).toBe('EBADF');
  await Promise.all([reader.close(), writer.close()]);
});

test('connect() is canceled by its signal, and the server stays usable', async () => {
  const server = await createNamedPipe(newPipeName(), { direction: 'in' });
  const controller = new AbortController();
  const waiting = rejection(server.connect({ signal: controller.signal }));
  await sleep(20);
  controller.abort();
  expect(await waiting).toBeInstanceOf(AbortError);
  const [reader, writer] = await Promise.all([
    server.connect(),
    connectNamedPipe(server.name, { direction: 'out' }),
  ]);
  await writer.write('served');
  expect(await readText(reader)).toBe('served');
  await Promise.all([reader.close(), writer.close()]);
  await server.close();
});

test('streams over a named pipe', async () => {
  const [server, reader, writer] = await connectedPair();
  const output = writer.createWriteStream();
  output.end('through streams');
  let text = '';
  for await (const chunk of reader.createReadStream({ encoding: 'utf8' })) text += chunk;
  expect(text).toBe('through streams');
  await server.close();
});

test('cancel() of a handle of the server ends its reads, and later reads work', async () => {
  const [server, reader, writer] = await connectedPair();
  const reads = Array.from({ length: 100 }, () => rejection(reader.read(Buffer.alloc(1))));
  await sleep(20);
  reader.cancel();
  for (const error of await Promise.all(reads)) expect(error).toBeInstanceOf(AbortError);
  await writer.write('on');
  expect(await readText(reader)).toBe('on');
  await Promise.all([reader.close(), writer.close()]);
  await server.close();
});

testOnPosix(
  'a FIFO exists until the server is closed, has one connection, and no duplex',
  async () => {
    const [server, reader, writer] = await connectedPair();
    expect(fs.statSync(server.name).isFIFO()).toBe(true);
    expect((await rejection(server.connect())).code).toBe('EBUSY');
    const again = await rejection(createNamedPipe(server.name, { direction: 'in' }));
    expect(again).toMatchObject({ code: 'EEXIST', syscall: 'mkfifo', path: server.name });
    await server.disconnect(reader);
    expect((await rejection(writer.write('nobody'))).code).toBe('EPIPE');
    await writer.close();
    await server.close();
    expect(fs.existsSync(server.name)).toBe(false);
    for (const options of [
      { direction: 'duplex' },
      { direction: 'in', messages: true },
      { direction: 'in', instancesMax: 2 },
      { direction: 'in', remote: true },
    ] as const) {
      const error = await rejection(createNamedPipe(server.name, options));
      expect(error.code).toBe('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
    }
  },
);

testOnPosix('a client waits for the server to open its FIFO, as long as it says', async () => {
  const server = await createNamedPipe(newPipeName(), { direction: 'in' });
  const options = { direction: 'out', waitMs: 30 } as const;
  expect((await rejection(connectNamedPipe(server.name, options))).code).toBe('ETIMEDOUT');
  const controller = new AbortController();
  const { signal } = controller;
  const waiting = rejection(connectNamedPipe(server.name, { ...options, waitMs: 20_000, signal }));
  await sleep(20);
  controller.abort();
  expect(await waiting).toBeInstanceOf(AbortError);
  let connected = false;
  const client = connectNamedPipe(server.name, { direction: 'out' }).finally(() => {
    connected = true;
  });
  await sleep(20);
  expect(connected).toBe(false);
  const reader = await server.connect();
  await until(() => connected);
  await Promise.all([reader.close(), (await client).close()]);
  await server.close();
});

testOnPosix('a path that is not a pipe is refused', async () => {
  const options = { direction: 'in' } as const;
  expect((await rejection(connectNamedPipe(import.meta.filename, options))).code).toBe('ENXIO');
});

test('arguments are checked before anything is submitted', async () => {
  const create = createNamedPipe as (...args: unknown[]) => Promise<unknown>;
  const connect = connectNamedPipe as (...args: unknown[]) => Promise<unknown>;
  const cases: [Promise<unknown>, string][] = [
    [create(5, { direction: 'in' }), 'ERR_INVALID_ARG_TYPE'],
    [create('', { direction: 'in' }), 'ERR_INVALID_ARG_VALUE'],
    [create('a\0b', { direction: 'in' }), 'ERR_INVALID_ARG_VALUE'],
    [create('x'), 'ERR_INVALID_ARG_TYPE'],
    [create('x', {}), 'ERR_INVALID_ARG_VALUE'],
    [create('x', { direction: 'up' }), 'ERR_INVALID_ARG_VALUE'],
    [create('x', { direction: 'in', instancesMax: 0 }), 'ERR_OUT_OF_RANGE'],
    [create('x', { direction: 'in', bufferSize: -1 }), 'ERR_OUT_OF_RANGE'],
    [create('x', { direction: 'in', messages: 1 }), 'ERR_INVALID_ARG_TYPE'],
    [create('x', { direction: 'in', signal: 1 }), 'ERR_INVALID_ARG_TYPE'],
    [connect('x', { direction: 'in', waitMs: -1 }), 'ERR_OUT_OF_RANGE'],
    [connect('x', { direction: 'in', waitMs: '1' }), 'ERR_INVALID_ARG_TYPE'],
  ];
  for (const [promise, code] of cases) expect((await rejection(promise)).code).toBe(code);
});
