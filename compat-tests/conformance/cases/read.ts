import { isWindows } from '../../helpers.js';
import { came, caseList, type LooseHandle, linux, posix, shown, since, text } from '../case.js';

// Reading through a handle and whole files. (Forms of arguments: ../read.test.ts)

const list = caseList();
export const { cases } = list;

// ---- Positions

const positions: unknown[] = [0, 7, -1, null, undefined, text.length, 2 ** 40, '7', true, {}, -2];

const ofBadPositions = '- A write rejects a position that is not a number >= -1';

// The promises of Node 20 treat an invalid position as the cursor.
for (const position of positions) {
  const isWrong = ['7', true, -2].includes(position as never) || typeof position === 'object';
  const where = isWrong && position !== null ? since(22) : {};
  list.onHandle(
    `read(buffer, 0, 10, ${shown(position)})`,
    undefined,
    async (handle) => {
      const first = await came(handle.read(Buffer.alloc(10), 0, 10, position));
      return [first, await handle.read(Buffer.alloc(10))];
    },
    'r',
    where,
  );
  list.onHandle(
    `read({ position: ${shown(position)} })`,
    undefined,
    async (handle) => {
      const first = await came(handle.read({ buffer: Buffer.alloc(10), position }));
      return [first, await handle.read(Buffer.alloc(10))];
    },
    'r',
    where,
  );
  list.onHandle(
    `readv at ${shown(position)}`,
    undefined,
    async (handle) => {
      const first = await came(handle.readv([Buffer.alloc(3), Buffer.alloc(4)], position));
      return [first, await handle.read(Buffer.alloc(10))];
    },
    'r',
    position === -2 ? { differs: ofBadPositions } : where,
  );
}

// ---- Unusual lengths and offsets

const places: [offset: unknown, length: unknown][] = [
  [0, 0],
  [10, 0],
  [10, undefined],
  [9, 1],
  [10, null],
  [undefined, 5],
  [null, 5],
  [3, undefined],
  [11, 1],
  [0, 11],
  [5, 6],
  [2 ** 31, 1],
  [-0, 5],
  [{}, undefined],
  [Number.NaN, 1],
  [0.5, 1],
];
for (const [offset, length] of places) {
  list.onHandle(`read(buffer, ${shown(offset)}, ${shown(length)})`, undefined, (handle) =>
    handle.read(Buffer.alloc(10, '.'), offset, length, 0),
  );
  const options = { offset, length, position: 1 };
  list.onHandle(
    `read(buffer, { offset: ${shown(offset)}, length: ${shown(length)} })`,
    undefined,
    (handle) => handle.read(Buffer.alloc(10, '.'), options),
  );
}

const optionForms: unknown[] = [
  undefined,
  null,
  {},
  { buffer: undefined },
  { buffer: new Uint8Array(5) },
  { buffer: new DataView(new ArrayBuffer(5)) },
  { buffer: {} },
  { length: 7 },
  { offset: 5 },
  { offset: 5, length: 7, position: 2 },
  { position: 3 },
];
for (const options of optionForms) {
  list.onHandle(`read(${shown(options)})`, undefined, async (handle) => {
    const { bytesRead, buffer } = await handle.read(options);
    const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    return [bytesRead, buffer.constructor.name, buffer.byteLength, bytes.subarray(0, 30)];
  });
}

list.onHandle('read of options that are inherited', 'ok', (handle) =>
  handle.read(Object.create({ buffer: Buffer.alloc(9), length: 4, position: 5 })),
);

// ---- Into every kind of memory

const arrays = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
] as unknown as (typeof Uint8Array)[];

for (const View of arrays) {
  list.onHandle(`read into a ${View.name}`, 'ok', async (handle) => {
    const view = new View(new ArrayBuffer(48), 8, 4);
    const { bytesRead, buffer } = await handle.read(view, 1, null, 3);
    return [bytesRead, buffer === view, new Uint8Array(view.buffer)];
  });
  list.onHandle(`readv into a ${View.name}`, 'ok', async (handle) => {
    const views = [new View(new ArrayBuffer(48), 8, 2), new View(new ArrayBuffer(16))];
    const { bytesRead, buffers } = await handle.readv(views, 3);
    return [bytesRead, buffers === views, ...views.map((view) => new Uint8Array(view.buffer))];
  });
}

// ---- Whole files

const encodings = 'utf8 utf-8 UTF8 ascii latin1 binary hex HEX base64 base64url ucs2 utf16le'.split(
  ' ',
);
for (const encoding of encodings) {
  list.add(`readFile of text with encoding ${encoding}`, 'ok', async ({ fs, file, at }) => [
    await fs.readFile(file, encoding),
    await fs.readFile(at('empty'), { encoding }),
  ]);
}

const wrongOptions: unknown[] = [
  5,
  true,
  'nothing',
  Symbol('options'),
  () => {},
  [],
  { encoding: 5 },
  { encoding: 'nothing' },
  { encoding: 'buffer' },
  'buffer',
  { encoding: '' },
  '',
  { flag: 'nothing' },
  { flag: {} },
  { flag: null },
  { flag: 1.5 },
  { flag: -1 },
  { signal: 5 },
  { signal: {} },
  { signal: null },
  { signal: undefined },
];
for (const options of wrongOptions) {
  const isHandled =
    options !== 'buffer' && (options as { encoding?: string }).encoding !== 'buffer';
  const expected = isHandled ? undefined : 'ERR_UNKNOWN_ENCODING';
  list.add(`readFile with ${shown(options)}`, expected, ({ fs, file }) =>
    fs.readFile(file, options),
  );
  list.onHandle(`handle.readFile with ${shown(options)}`, expected, (handle) =>
    handle.readFile(options),
  );
}
for (const options of ['buffer', { encoding: 'buffer' }]) {
  for (const name of ['empty', 'directory']) {
    const where = name === 'directory' ? posix : {};
    list.add(
      `readFile of ${name} with ${shown(options)}`,
      undefined,
      ({ fs, at }) => fs.readFile(at(name), options),
      where,
    );
    list.add(
      `handle.readFile of ${name} with ${shown(options)}`,
      undefined,
      async ({ fs, at }) => {
        const handle = await fs.open(at(name));
        return handle.readFile(options).finally(handle.close);
      },
      where,
    );
  }
}

const flags = 'r rs r+ rs+ a a+ as as+ w w+ wx wx+ ax ax+'.split(' ');
for (const flag of flags) {
  for (const place of ['file', 'missing', 'directory'] as const) {
    const where = place === 'directory' ? posix : {};
    list.add(
      `readFile of ${place} with flag ${flag}`,
      undefined,
      (setting) => setting.fs.readFile(setting[place], { flag, encoding: 'latin1' }),
      where,
    );
  }
  list.add(
    `readFile of a link with flag ${flag}`,
    undefined,
    ({ fs, at }) => fs.readFile(at('link'), { flag, encoding: 'latin1' }),
    posix,
  );
}

list.onHandle('handle.readFile after reads at positions', 'ok', async (handle) => {
  await handle.read(Buffer.alloc(5), 0, 5, 20);
  await handle.read(Buffer.alloc(5), 0, 5, null);
  return [await handle.readFile('latin1'), await handle.readFile(), await handle.stat()];
});
list.onHandle(
  'readFile of a handle, twice at a time',
  'ok',
  async (handle, { fs }) => {
    const both = await Promise.all([fs.readFile(handle), fs.readFile(handle)]);
    return Buffer.concat(both).length;
  },
  'r',
  { skip: 'Node reads two at a time in parts of a size of its own' },
);
list.onHandle('handle.readFile of a handle for writing', 'EBADF', (h) => h.readFile(), 'a');
list.add('readFile of a file that is there for its owner only', 'ok', async ({ fs, file }) => {
  await fs.chmod(file, 0o400);
  return fs.readFile(file, 'utf8');
});
list.add('readFile of a folder, then of a file', 'EISDIR', async ({ fs, directory, file }) => {
  await came(fs.readFile(file));
  return fs.readFile(directory, 'utf8');
});
list.add('readFile of a device', 'ok', ({ fs }) => fs.readFile('/dev/null'), linux);
list.add(
  'reads of a file of the kernel',
  'ok',
  async ({ fs }) => {
    const handle: LooseHandle = await fs.open('/proc/version');
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(1000), 0, 1000, 5);
    const whole = await handle.readFile('utf8');
    await handle.close();
    return [whole, whole.includes(buffer.toString('utf8', 0, bytesRead))];
  },
  linux,
);

// ---- Lines and streams

const texts = ['', 'one', 'one\n', 'one\ntwo', '\n\n', 'a\r\nb\rc\n', 'ü☃\n𝄞'];
for (const content of texts) {
  list.add(`readLines of ${shown(content)}`, 'ok', async ({ fs, sync, file }) => {
    sync.writeFileSync(file, content);
    const lines: string[] = [];
    for await (const line of (await fs.open(file)).readLines()) lines.push(line);
    return lines;
  });
}
for (const options of [{ start: 4 }, { end: 9 }, { start: 4, end: 9 }, { encoding: 'latin1' }]) {
  list.add(`readLines with ${shown(options)}`, 'ok', async ({ fs, sync, file }) => {
    sync.writeFileSync(file, 'one\ntwö\nthree\nfour');
    const lines: string[] = [];
    for await (const line of (await fs.open(file)).readLines(options)) lines.push(line);
    return lines;
  });
}

const streamOptions: unknown[] = [
  undefined,
  {},
  { start: 5 },
  { end: 5 },
  { start: 5, end: 12 },
  { start: 5, end: 5 },
  { start: 1000 },
  { highWaterMark: 3 },
  { start: 3, highWaterMark: 4, end: 20 },
  { encoding: 'utf8' },
  { encoding: 'hex', highWaterMark: 5 },
  { encoding: 'nothing' },
  { signal: 5 },
  { autoClose: false },
  { emitClose: false },
];
for (const options of streamOptions) {
  list.onHandle(`createReadStream with ${shown(options)}`, undefined, async (handle) => {
    const chunks: unknown[] = [];
    const stream = handle.createReadStream(options);
    for await (const chunk of stream) chunks.push(chunk);
    return [chunks.map(String).join('|'), stream.bytesRead, stream.pending, handle.fd === -1];
  });
}
const closedOnFailure = isWindows
  ? { skip: 'Node leaves the file open, so that its folder cannot be removed' }
  : {};
for (const options of [{ start: -1 }, { start: 6, end: 5 }, { start: '5' }, { end: '5' }, 5]) {
  list.add(
    `createReadStream with ${shown(options)}`,
    undefined,
    async ({ fs, file }) => {
      const handle: LooseHandle = await fs.open(file);
      const error = await came((async () => handle.createReadStream(options).destroy())());
      // With Node, the close fails because of the unfinished stream.
      await came((async () => handle.close())());
      return error;
    },
    closedOnFailure,
  );
}
list.onHandle('createReadStream from the cursor on', 'ok', async (handle) => {
  await handle.read(Buffer.alloc(10));
  const chunks: Buffer[] = [];
  for await (const chunk of handle.createReadStream()) chunks.push(chunk);
  return Buffer.concat(chunks);
});
list.onHandle('events of createReadStream', 'ok', async (handle) => {
  const events: string[] = [];
  const stream = handle.createReadStream({ highWaterMark: 30 });
  for (const name of ['open', 'ready', 'data', 'end', 'error', 'close']) {
    stream.on(name, (value: unknown) => events.push(`${name} ${Buffer.isBuffer(value)}`));
  }
  handle.on('close', () => events.push('handle closed'));
  await new Promise((resolve) => stream.on('close', resolve));
  await new Promise((resolve) => setImmediate(resolve));
  return events.sort();
});
