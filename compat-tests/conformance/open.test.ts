import * as fs from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { open } from '../../lib/index.js';
import { fileWith, isWindows, makeFifo, runChild, testWhere, testWithFifo } from '../helpers.js';
import { content, type Handle, same } from './compare.js';

const flags = 'r rs sr r+ rs+ sr+ w wx xw w+ wx+ xw+ a ax xa as sa a+ ax+ xa+ as+ sa+'.split(' ');

/** Reports which operations a handle allows. */
async function abilities(handle: Handle): Promise<unknown> {
  const attempt = async (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => 'ok',
      ({ code, syscall, message }) => ({ code, syscall, message }),
    );
  const read = await attempt(handle.read(Buffer.alloc(4), 0, 4, 0));
  const write = await attempt(handle.write(Buffer.from('abcd'), 0, 4, 0));
  const truncate = await attempt(handle.truncate(5000));
  const { size } = await handle.stat();
  return { read, write, truncate, size };
}

for (const flag of flags) {
  const exclusive = flag.includes('x');
  same(`open of a file with flag ${flag}`, exclusive ? 'EEXIST' : 'ok', async ({ api, file }) => {
    const handle = await api.open(file, flag);
    const able = await abilities(handle);
    await handle.close();
    return able;
  });

  const creates = !flag.includes('r');
  same(`open of no file with flag ${flag}`, creates ? 'ok' : 'ENOENT', async ({ api, missing }) => {
    const handle = await api.open(missing, flag);
    const able = await abilities(handle);
    await handle.close();
    return able;
  });
}

const { O_APPEND, O_CREAT, O_EXCL, O_RDWR, O_TRUNC, O_WRONLY } = fs.constants;
const numbers = [0, O_WRONLY, O_RDWR, O_RDWR | O_TRUNC, O_WRONLY | O_APPEND, O_RDWR | O_CREAT];

for (const flag of numbers) {
  same(`open with flags ${flag} as a number`, 'ok', async ({ api, file }) => {
    const handle = await api.open(file, flag);
    const able = await abilities(handle);
    await handle.close();
    return able;
  });
}

same('open with O_CREAT | O_EXCL of a file', 'EEXIST', ({ api, file }) =>
  api.open(file, O_RDWR | O_CREAT | O_EXCL),
);

for (const mode of [0o600, 0o666, 0o777, 0o000, '644', '0600', null, undefined]) {
  same(`open with mode ${mode} less the umask`, 'ok', async ({ api, missing }) => {
    const handle = await api.open(missing, 'w', mode);
    await handle.write('x');
    await handle.close();
    // Its content is compared, and only root may read it without permission.
    const created = fs.statSync(missing).mode;
    fs.chmodSync(missing, 0o600);
    return created;
  });
}

testWhere(!isWindows, 'Windows has no umask')(
  'a mode is less the umask of the process',
  async () => {
    const file = `${fileWith('')}.new`;
    const script = `process.umask(0o027); await (await open(argument, 'w', 0o666)).close();
    await writeFile(argument + '2', 'x', { mode: 0o777 });`;
    expect((await runChild(script, { args: [file] })).code).toBe(0);
    expect(fs.statSync(file).mode & 0o777).toBe(0o640);
    expect(fs.statSync(`${file}2`).mode & 0o777).toBe(0o750);
  },
);

const pathForms: Record<string, (file: string) => unknown> = {
  'a string': (file) => file,
  'a Buffer': (file) => Buffer.from(file),
  'a Uint8Array': (file) => new Uint8Array(Buffer.from(file)),
  'a URL': (file) => pathToFileURL(file),
};

for (const [name, form] of Object.entries(pathForms)) {
  same(`open of ${name}`, 'ok', async ({ api, file }) => {
    const handle = await api.open(form(file));
    const read = await handle.readFile();
    await handle.close();
    return read;
  });
}

test('a path with spaces, percent signs and other letters opens in any form', async () => {
  const file = fileWith('content', 'ä %20 名前 #?.txt'.replace(isWindows ? /[?]/ : /$^/, ''));
  for (const path of [file, pathToFileURL(file), fileURLToPath(pathToFileURL(file))]) {
    const handle = await open(path);
    expect(await handle.readFile('utf8')).toBe('content');
    await handle.close();
  }
});

// ---- Handles

test('fd is a descriptor for the functions of node:fs', async () => {
  const handle = await open(fileWith(content), 'r+');
  expect(fs.fstatSync(handle.fd).size).toBe(content.length);
  const buffer = Buffer.alloc(100);
  expect(fs.readSync(handle.fd, buffer, 0, 100, 50)).toBe(100);
  expect(buffer.equals(content.subarray(50, 150))).toBe(true);
  expect(fs.writeSync(handle.fd, Buffer.from('xyz'), 0, 3, 0)).toBe(3);
  expect((await handle.read(Buffer.alloc(3), 0, 3, 0)).buffer.toString()).toBe('xyz');
  const { fd } = handle;
  await handle.close();
  expect(handle.fd).toBe(-1);
  expect(() => fs.fstatSync(fd)).toThrow(/EBADF/);
});

testWhere(!isWindows, 'there fd is another open file, with a cursor of its own')(
  'the cursor of a buffered handle is that of its descriptor',
  async () => {
    const handle = await open(fileWith('0123456789'));
    await handle.read(Buffer.alloc(3));
    const buffer = Buffer.alloc(3);
    fs.readSync(handle.fd, buffer, 0, 3, null);
    expect(buffer.toString()).toBe('345');
    expect((await handle.read(Buffer.alloc(3))).buffer.toString()).toBe('678');
    await handle.close();
  },
);

same('close() twice, and once more', 'ok', async ({ api, file }) => {
  const handle = await api.open(file);
  const values = [await handle.close(), await handle.close()];
  const both = await Promise.all([handle.close(), handle.close()]);
  return [...values, ...both, handle.fd];
});

same("'close' is emitted once", 'ok', async ({ api, file }) => {
  const handle = await api.open(file);
  let events = 0;
  handle.on('close', () => events++);
  await handle.close();
  await handle.close();
  await new Promise((resolve) => setImmediate(resolve));
  return events;
});

same('Symbol.asyncDispose closes', 'ok', async ({ api, file }) => {
  const handle = await api.open(file);
  await handle[Symbol.asyncDispose]();
  return handle.fd;
});

for (const length of [undefined, 0, 1, 5000, 10_000, 20_000, -1, -1000]) {
  same(`truncate(${length})`, 'ok', async ({ api, file }) => {
    const handle = await api.open(file, 'r+');
    await handle.truncate(length);
    const { size } = await handle.stat();
    await handle.close();
    return size;
  });
}

same('sync and datasync', 'ok', async ({ api, file }) => {
  const handle = await api.open(file, 'r+');
  await handle.write('new');
  const values = [await handle.sync(), await handle.datasync()];
  await handle.close();
  return values;
});

testWithFifo('a FIFO: what is read and written at the cursor', async () => {
  const handle = await open(makeFifo(), 'r+');
  expect(handle.deviceType).toBe('pipe');
  await handle.write('through the pipe');
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(100));
  expect(buffer.toString('utf8', 0, bytesRead)).toBe('through the pipe');
  await handle.close();
});

testWithFifo('a read that waits for data does not hold up a write on the same FIFO', async () => {
  const handle = await open(makeFifo(), 'r+');
  const reading = handle.read(Buffer.alloc(100));
  // If the write had to wait for the read, the test would not end.
  await handle.write('awaited');
  const { bytesRead, buffer } = await reading;
  expect(buffer.toString('utf8', 0, bytesRead)).toBe('awaited');
  await handle.close();
});

testWithFifo('a read at a position of a FIFO is an error, as with Node', async () => {
  const handle = await open(makeFifo(), 'r+');
  await expect(handle.read(Buffer.alloc(4), 0, 4, 0)).rejects.toMatchObject({
    code: 'ESPIPE',
    syscall: 'read',
  });
  await handle.close();
});
