import * as nodeFs from 'node:fs';
import type * as nodePromises from 'node:fs/promises';
import { expect, test } from 'vitest';
import { type FileHandle, open } from '../../../lib/index.js';
import { fileWith, isWindows, randomBytes, rejection } from '../../helpers.js';
import { type SurfaceSetting, sameSurface, sameWhere, untyped } from './surface.js';

type NodeHandle = nodePromises.FileHandle;
type OnHandle = (handle: NodeHandle, setting: SurfaceSetting) => Promise<unknown>;

function sameOnHandle(
  name: string,
  expected: string,
  action: OnHandle,
  register = sameSurface,
): void {
  register(name, expected, async (setting) => {
    const handle = await setting.fs.open(setting.file, 'r+');
    try {
      return await action(handle, setting);
    } finally {
      await handle.close();
    }
  });
}

const onPosix = sameWhere(!isWindows, 'Windows has no such modes and owners');
sameOnHandle(
  'handle.chmod',
  'ok',
  async (handle) => {
    await handle.chmod(0o600);
    await handle.chmod('640');
    return (await handle.stat()).mode & 0o777;
  },
  onPosix,
);
sameOnHandle(
  'handle.chown to the own user',
  'ok',
  async (handle) => {
    const { uid, gid } = await handle.stat();
    return handle.chown(uid, gid);
  },
  onPosix,
);
sameOnHandle('handle.utimes', 'ok', async (handle) => {
  await handle.utimes(new Date(5000), '7');
  const { atimeMs, mtimeMs } = await handle.stat();
  // Wine does not set access times.
  return isWindows ? mtimeMs : [atimeMs, mtimeMs];
});
sameOnHandle('handle.chmod without a mode', 'ERR_INVALID_ARG_TYPE', (h) =>
  untyped(h.chmod.bind(h))(),
);
sameOnHandle('handle.chown to no number', 'ERR_INVALID_ARG_TYPE', (h) =>
  untyped(h.chown.bind(h))('root', 0),
);
sameOnHandle('handle.utimes of no time', 'ERR_INVALID_ARG_TYPE', (h) =>
  untyped(h.utimes.bind(h))({}, 1),
);

const closedCalls: Record<string, (handle: NodeHandle) => unknown> = {
  chmod: (handle) => handle.chmod(0o600),
  chown: (handle) => handle.chown(0, 0),
  utimes: (handle) => handle.utimes(1, 1),
  createReadStream: (handle) => handle.createReadStream(),
  createWriteStream: (handle) => handle.createWriteStream(),
  readLines: (handle) => handle.readLines(),
  readableWebStream: (handle) => handle.readableWebStream(),
};
for (const [name, call] of Object.entries(closedCalls)) {
  const isStream = /Stream|Lines/.test(name) && name !== 'readableWebStream';
  const code = isStream ? 'ERR_OUT_OF_RANGE' : 'EBADF';
  const expected = name === 'readableWebStream' ? 'ERR_INVALID_STATE' : code;
  sameSurface(`handle.${name} of a closed handle`, expected, async ({ fs, file }) => {
    const handle = await fs.open(file);
    await handle.close();
    return call(handle);
  });
}

sameSurface('handle.readLines', 'ok', async ({ fs, file }) => {
  nodeFs.writeFileSync(file, 'one\ntwo\r\n\nfour');
  const lines: string[] = [];
  for await (const line of (await fs.open(file)).readLines()) lines.push(line);
  return lines;
});
sameSurface('handle.readLines of a part', 'ok', async ({ fs, file }) => {
  nodeFs.writeFileSync(file, 'one\ntwo\nthree');
  const lines: string[] = [];
  const handle = await fs.open(file);
  for await (const line of handle.readLines({ start: 2, end: 8 })) lines.push(line);
  return [lines, handle.fd];
});

async function bytesOfStream(stream: AsyncIterable<unknown>): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(Buffer.from(part as Uint8Array));
  return Buffer.concat(parts).toString('hex');
}

for (const options of [undefined, {}, { type: 'bytes' }] as const) {
  sameOnHandle(`handle.readableWebStream with ${JSON.stringify(options)}`, 'ok', async (handle) => {
    const stream = handle.readableWebStream(options as { type: 'bytes' }) as unknown;
    return bytesOfStream(stream as AsyncIterable<unknown>);
  });
}
sameOnHandle('a second readableWebStream is refused', 'ERR_INVALID_STATE', async (handle) => {
  // Node 20 aborts the process with an assertion if the stream has another type.
  handle.readableWebStream({ type: 'bytes' });
  return handle.readableWebStream({ type: 'bytes' });
});
sameOnHandle('readableWebStream fills the memory of its reader', 'ok', async (handle) => {
  const stream = handle.readableWebStream({ type: 'bytes' });
  const reader = stream.getReader({ mode: 'byob' } as never) as unknown as ByobReader;
  const first = await reader.read(new Uint8Array(100));
  const second = await reader.read(new Uint8Array(20_000));
  const last = await reader.read(new Uint8Array(10));
  return [first, second.value.byteLength, last.done];
});
interface ByobReader {
  read(view: Uint8Array): Promise<{ value: Uint8Array; done: boolean }>;
}

test('readableWebStream with autoClose closes the handle at its end and on cancel', async () => {
  const file = fileWith(randomBytes(50_000));
  const read = await open(file);
  await bytesOfStream(read.readableWebStream({ autoClose: true }) as AsyncIterable<unknown>);
  expect(read.fd).toBe(-1);
  const cancelled = await open(file);
  await cancelled.readableWebStream({ type: 'bytes', autoClose: true }).cancel();
  expect(cancelled.fd).toBe(-1);
  const kept = await open(file);
  await bytesOfStream(kept.readableWebStream({ type: 'bytes' }) as AsyncIterable<unknown>);
  expect(kept.fd).toBeGreaterThan(-1);
  await kept.close();
});

test('close() ends a readableWebStream that is unread or has a pending read', async () => {
  const handle = await open(fileWith(randomBytes(50_000)));
  const reader = handle.readableWebStream({ type: 'bytes' }).getReader();
  await reader.read();
  await handle.close();
  expect((await reader.read()).done).toBe(true);
  expect(handle.fd).toBe(-1);
});

test('close may be called without its handle', async () => {
  const { close } = await open(fileWith('x'));
  await close();
});

test('getAsyncId returns a unique, constant number for every handle', async () => {
  const file = fileWith('x');
  await using first = await open(file);
  await using second = await open(file);
  expect(first.getAsyncId()).toBeGreaterThan(0);
  expect(first.getAsyncId()).toBe(first.getAsyncId());
  expect(first.getAsyncId()).not.toBe(second.getAsyncId());
});

test('sending a handle to another thread is an error', async () => {
  await using handle = await open(fileWith('x'));
  expect(() => structuredClone(handle)).toThrow(/could not be cloned/);
});

test("'close' is emitted once, when the file is closed", async () => {
  const handle = await open(fileWith('x'));
  const events: string[] = [];
  handle.on('close', () => events.push(`close, fd ${handle.fd}`));
  await handle.close();
  await handle.close();
  expect(events).toEqual(['close, fd -1']);
});

// ---- readFile into the caller's memory, an option of Node 24

const content = randomBytes(1000);
const readers: Record<string, (options: object) => Promise<unknown>> = {
  readFile: async (options) => {
    const { readFile } = await import('../../../lib/index.js');
    return readFile(fileWith(content), options);
  },
  'handle.readFile': async (options) => {
    const handle: FileHandle = await open(fileWith(content));
    return handle.readFile(options).finally(handle.close);
  },
};
for (const [name, read] of Object.entries(readers)) {
  test(`${name} reads into a buffer, a view or the result of a function`, async () => {
    const memory = Buffer.alloc(1200);
    const result = (await read({ buffer: memory })) as Buffer;
    expect(result.equals(content)).toBe(true);
    expect(result.buffer).toBe(memory.buffer);
    const view = new DataView(new ArrayBuffer(1000));
    expect(((await read({ buffer: view })) as Buffer).buffer).toBe(view.buffer);
    const sizes: number[] = [];
    const buffer = (size: number): Buffer => {
      sizes.push(size);
      return Buffer.alloc(size);
    };
    expect(await read({ buffer, encoding: 'hex' })).toBe(content.toString('hex'));
    expect(sizes).toEqual([1000]);
  });

  test(`${name} rejects a buffer that is too small or of another type`, async () => {
    expect(await rejection(read({ buffer: Buffer.alloc(999) }))).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
      message:
        "The property 'options.buffer.byteLength' is smaller than the file size of 1000 bytes. " +
        'Received 999',
    });
    for (const buffer of [5, 'x', {}]) {
      expect((await rejection(read({ buffer }))).code).toBe('ERR_INVALID_ARG_TYPE');
    }
  });
}

sameSurface('the properties that a handle shows', 'ok', async ({ fs, file }) => {
  const handle = await fs.open(file);
  await handle.close();
  return { keys: Object.keys(handle), json: JSON.stringify(handle) };
});

test('readableWebStream() warns about a type as the running Node does', async () => {
  const warnings: string[] = [];
  const listen = ({ message }: Error): void => {
    if (message.includes('options.type')) warnings.push(message);
  };
  process.on('warning', listen);
  const file = fileWith('content');
  for (const openFile of [nodeFs.promises.open, open]) {
    const handle = await openFile(file);
    const stream = handle.readableWebStream({ type: 'text' as 'bytes' });
    for await (const chunk of stream) expect(chunk).toHaveProperty('byteLength', 7);
    await handle.close();
  }
  await new Promise(setImmediate);
  process.off('warning', listen);
  expect(warnings.slice(1)).toEqual(warnings.slice(0, -1));
  expect(warnings.length % 2).toBe(0);
});
