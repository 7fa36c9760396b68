import * as fs from 'node:fs';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { open, readFile, writeFile } from '../../lib/index.js';
import { fileWith, isLinux, randomBytes, testWhere } from '../helpers.js';
import { same, sameOnHandle } from './compare.js';

// ---- Reading

const encodings = ['utf8', 'utf-8', 'latin1', 'hex', 'base64', 'base64url', 'ascii', 'utf16le'];

for (const encoding of encodings) {
  same(`readFile with encoding ${encoding}`, 'ok', ({ api, file }) => api.readFile(file, encoding));
  same(`readFile with { encoding: ${encoding} }`, 'ok', ({ api, file }) =>
    api.readFile(file, { encoding }),
  );
  sameOnHandle(`handle.readFile with encoding ${encoding}`, 'ok', (handle) =>
    handle.readFile(encoding),
  );
}

for (const options of [undefined, null, {}, { encoding: null }, { encoding: undefined }]) {
  const shown = JSON.stringify(options);
  same(`readFile with options ${shown}`, 'ok', ({ api, file }) => api.readFile(file, options));
  sameOnHandle(`handle.readFile with options ${shown}`, 'ok', (handle) => handle.readFile(options));
}

same('readFile of a Buffer path', 'ok', ({ api, file }) => api.readFile(Buffer.from(file)));
same('readFile of a URL', 'ok', ({ api, file }) => api.readFile(pathToFileURL(file)));
same('readFile with flag a+', 'ok', ({ api, file }) => api.readFile(file, { flag: 'a+' }));
same('readFile with flag w+ empties the file', 'ok', ({ api, file }) =>
  api.readFile(file, { flag: 'w+' }),
);
same('readFile with a numeric flag', 'ok', ({ api, file }) =>
  api.readFile(file, { flag: fs.constants.O_RDWR }),
);

// A machine may have the memory, so the allocation fails here by a replacement.
test('a file that no Buffer can hold fails with ERR_FS_FILE_TOO_LARGE', async () => {
  const file = fileWith('');
  const size = 3 * 1024 ** 3;
  fs.truncateSync(file, size);
  const handle = await open(file);
  const { allocUnsafeSlow } = Buffer;
  Buffer.allocUnsafeSlow = (length) => {
    if (length > 2 ** 31) throw new RangeError('Array buffer allocation failed');
    return allocUnsafeSlow(length);
  };
  try {
    const reads = [() => readFile(file), () => readFile(file, 'utf8'), () => handle.readFile()];
    for (const read of reads) {
      await expect(read()).rejects.toMatchObject({
        name: 'RangeError',
        code: 'ERR_FS_FILE_TOO_LARGE',
        message: `File size (${size}) is greater than a Buffer can hold`,
      });
    }
  } finally {
    Buffer.allocUnsafeSlow = allocUnsafeSlow;
    await handle.close();
    fs.rmSync(file);
  }
});

test('files that are read one after another have Buffers of their own', async () => {
  const texts = ['first', 'the second', '', 'third'];
  const contents = [];
  for (const text of texts) contents.push(await readFile(fileWith(text)));
  expect(contents.map(String)).toEqual(texts);
  expect(contents.every(Buffer.isBuffer)).toBe(true);
  for (const content of contents) expect(content.buffer.byteLength).toBe(content.byteLength);
});

sameOnHandle('handle.readFile reads from the cursor on', 'ok', async (handle) => {
  await handle.read(Buffer.alloc(1000));
  const rest = await handle.readFile();
  return [rest, await handle.readFile()];
});

same(
  'readFile of a handle reads from its cursor on and leaves it open',
  'ok',
  async ({ api, file }) => {
    const handle = await api.open(file);
    await handle.read(Buffer.alloc(9000));
    const rest = await api.readFile(handle, 'latin1');
    const { size } = await handle.stat();
    await handle.close();
    return { rest, size };
  },
);

// The maximum that one engine operation reads or writes, and the part size of larger files.
const limit = 512 * 1024;
const part = 16 * 1024 * 1024;
const sizes = [0, 1, limit - 1, limit, limit + 1, 2 * limit + 17, part - 1, part + 1];

for (const size of sizes) {
  test(`readFile and writeFile of ${size} bytes are exact`, async () => {
    const data = randomBytes(size);
    const file = fileWith('what was there before');
    await writeFile(file, data);
    expect(fs.readFileSync(file).equals(data)).toBe(true);
    expect((await readFile(file)).equals(data)).toBe(true);
    const handle = await open(file, 'r+');
    expect((await handle.readFile()).equals(data)).toBe(true);
    await handle.writeFile(data);
    await handle.close();
    expect(fs.readFileSync(file).equals(Buffer.concat([data, data]))).toBe(true);
  });
}

const kernelFiles = ['/proc/self/status', '/proc/cpuinfo', '/proc/version', '/proc/self/maps'];

for (const file of kernelFiles) {
  testWhere(isLinux, 'it is a path of Linux')(
    `readFile of ${file}, whose size is said to be 0, gives its content`,
    async () => {
      expect(fs.statSync(file).size).toBe(0);
      const whole = await readFile(file, 'utf8');
      const lines = fs.readFileSync(file, 'utf8').split('\n');
      expect(whole.split('\n')[0]).toBe(lines[0]);
      // The number of lines may change: garbage collection alone unmaps memory.
      expect(whole.at(-1)).toBe('\n');
      expect(whole.split('\n').length).toBeGreaterThan(lines.length / 2);
      const handle = await open(file);
      expect((await handle.readFile('utf8')).split('\n')[0]).toBe(lines[0]);
      await handle.close();
    },
  );
}

testWhere(isLinux, 'it is a path of Linux')(
  'readFile of an endless device is ended by its signal',
  async () => {
    const controller = new AbortController();
    const reading = readFile('/dev/zero', { signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    await expect(reading).rejects.toMatchObject({ code: 'ABORT_ERR' });
  },
);

// ---- Writing

async function* asyncParts(): AsyncGenerator<string | Uint8Array> {
  yield 'a string, ';
  yield Buffer.from('a buffer, ');
  await new Promise((resolve) => setImmediate(resolve));
  yield new Uint8Array([33, 34, 35]);
}

const data: Record<string, () => unknown> = {
  'a string': () => 'a string with ünïcödé',
  'an empty string': () => '',
  'a Buffer': () => randomBytes(1234),
  'an empty Buffer': () => Buffer.alloc(0),
  'a Uint16Array': () => new Uint16Array([1, 2, 3]),
  'a DataView': () => new DataView(new ArrayBuffer(20), 3, 11),
  'shared memory': () => new Uint8Array(new SharedArrayBuffer(100)),
  'an array of strings': () => ['one', 'two', 'three'],
  'an empty array': () => [],
  'an iterable of buffers': () => new Set([randomBytes(1000), randomBytes(2000, 2)]),
  'an async iterable': asyncParts,
  'a stream': () => Readable.from(['one', Buffer.from('two')]),
};

for (const [name, make] of Object.entries(data)) {
  same(`writeFile of ${name}`, 'ok', ({ api, file }) => api.writeFile(file, make()));
  same(`writeFile of ${name} to a new file`, 'ok', ({ api, missing }) =>
    api.writeFile(missing, make()),
  );
  same(`writeFile of ${name} with flush`, 'ok', ({ api, file }) =>
    api.writeFile(file, make(), { flush: true }),
  );
  same(`appendFile of ${name}`, 'ok', ({ api, file }) => api.appendFile(file, make()));
  sameOnHandle(`handle.writeFile of ${name}`, 'ok', (handle) => handle.writeFile(make()));
  sameOnHandle(
    `handle.appendFile of ${name}`,
    'ok',
    async (handle) => {
      await handle.appendFile(make());
      await handle.appendFile('<and more>');
    },
    'a',
  );
}

for (const encoding of ['utf8', 'latin1', 'hex', 'base64', 'utf16le']) {
  const text = Buffer.from('some text').toString(encoding as BufferEncoding);
  same(`writeFile with encoding ${encoding}`, 'ok', ({ api, file }) =>
    api.writeFile(file, text, encoding),
  );
  same(`writeFile of an iterable with encoding ${encoding}`, 'ok', ({ api, file }) =>
    api.writeFile(file, [text, text], { encoding }),
  );
  sameOnHandle(`handle.writeFile with encoding ${encoding}`, 'ok', (handle) =>
    handle.writeFile(text, encoding),
  );
}

sameOnHandle('handle.writeFile twice goes on where the first one ended', 'ok', async (handle) => {
  await handle.writeFile('first ');
  await handle.writeFile('second');
  return handle.readFile('latin1');
});

for (const flag of ['w', 'a', 'r+', 'wx', 'ax', fs.constants.O_WRONLY]) {
  const exclusive = String(flag).includes('x');
  same(`writeFile with flag ${flag}`, exclusive ? 'EEXIST' : 'ok', ({ api, file }) =>
    api.writeFile(file, 'new', { flag }),
  );
  const needsFile = flag === 'r+' || typeof flag === 'number';
  same(`writeFile to no file, flag ${flag}`, needsFile ? 'ENOENT' : 'ok', ({ api, missing }) =>
    api.writeFile(missing, 'new', { flag }),
  );
}

for (const mode of [0o600, 0o644, 0o777, '640', 0o400]) {
  same(`writeFile with mode ${mode}`, 'ok', ({ api, missing }) =>
    api.writeFile(missing, 'new', { mode }),
  );
  same(`appendFile with mode ${mode}`, 'ok', ({ api, missing }) =>
    api.appendFile(missing, 'new', { mode }),
  );
}

same(
  'writeFile to a handle writes at its cursor and leaves it open',
  'ok',
  async ({ api, file }) => {
    const handle = await api.open(file, 'r+');
    await handle.read(Buffer.alloc(100));
    await api.writeFile(handle, 'in the middle');
    const { size } = await handle.stat();
    await api.appendFile(handle, ', and on');
    await handle.close();
    return size;
  },
);

same(
  'an iterable that fails rejects with its error, after what it gave',
  'broken',
  ({ api, file }) => {
    function* parts(): Generator<string> {
      yield 'kept';
      throw new Error('broken');
    }
    return api.writeFile(file, parts());
  },
);

test('an iterable of numbers is rejected after its earlier parts', async () => {
  const file = fileWith('');
  const parts = ['kept', 5] as unknown as string[];
  await expect(writeFile(file, parts)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  expect(fs.readFileSync(file, 'utf8')).toBe('kept');
});
