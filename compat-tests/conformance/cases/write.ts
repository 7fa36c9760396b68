import { Readable } from 'node:stream';
import { came, caseList, constants, type LooseHandle, posix, shown, text } from '../case.js';

// Writing through a handle and whole files. (Forms of arguments: ../write.test.ts)

const list = caseList();
export const { cases } = list;

const flags = 'r r+ rs+ w w+ wx a a+ ax as as+'.split(' ');

// ---- Flags

for (const flag of flags) {
  for (const place of ['file', 'missing', 'empty'] as const) {
    list.add(
      `write, writev and writeFile on ${place}, flag ${flag}`,
      undefined,
      async (setting) => {
        const path = place === 'empty' ? setting.at('empty') : setting[place];
        const handle: LooseHandle = await setting.fs.open(path, flag);
        const results = [
          await came(handle.write('<one>')),
          await came(handle.write(Buffer.from('<two>'), 1, 3, 2)),
          await came(handle.writev([Buffer.from('<3'), Buffer.from('3>')])),
          await came(handle.writev([Buffer.from('<4'), Buffer.from('4>')], 1)),
          await came(handle.writeFile('<five>')),
          await came(handle.appendFile('<six>')),
          await came(handle.truncate(40)),
          await came(handle.write('<seven>', null)),
          (await handle.stat()).size,
        ];
        await handle.close();
        return results;
      },
    );
  }
  list.add(
    `writeFile to a link with flag ${flag}`,
    undefined,
    ({ fs, at }) => fs.writeFile(at('link'), 'new', { flag }),
    posix,
  );
  list.add(
    `writeFile to a link to nothing with flag ${flag}`,
    undefined,
    ({ fs, at }) => fs.writeFile(at('dangling'), 'new', { flag }),
    posix,
  );
  list.add(`appendFile with flag ${flag}`, undefined, ({ fs, file }) =>
    fs.appendFile(file, 'new', { flag }),
  );
}

const { O_APPEND, O_CREAT, O_EXCL, O_RDWR, O_SYNC, O_TRUNC, O_WRONLY } = constants;
const numbers = {
  'O_WRONLY | O_TRUNC': O_WRONLY | O_TRUNC,
  'O_RDWR | O_APPEND': O_RDWR | O_APPEND,
  'O_WRONLY | O_CREAT | O_EXCL': O_WRONLY | O_CREAT | O_EXCL,
  'O_WRONLY | O_CREAT | O_TRUNC': O_WRONLY | O_CREAT | O_TRUNC,
  'O_WRONLY | O_SYNC': O_WRONLY | (O_SYNC ?? 0),
};
for (const [name, flag] of Object.entries(numbers)) {
  for (const place of ['file', 'missing'] as const) {
    list.add(`writeFile to ${place} with flag ${name}`, undefined, (setting) =>
      setting.fs.writeFile(setting[place], 'new', { flag }),
    );
  }
}

// ---- Positions

for (const position of [0, 7, null, undefined, text.length, 200, -1] as const) {
  for (const flag of ['r+', 'a+']) {
    list.onHandle(
      `write of a string at ${position}, then on, flag ${flag}`,
      'ok',
      async (handle) => [
        await handle.write('<new>', position),
        await handle.write('<on>'),
        await handle.read(Buffer.alloc(5)),
      ],
      flag,
    );
    list.onHandle(
      `writev at ${position}, then on, flag ${flag}`,
      'ok',
      async (handle) => [
        await handle.writev([Buffer.from('<ne'), Buffer.from('w>')], position),
        await handle.writev([Buffer.from('<on>')]),
      ],
      flag,
    );
  }
}
list.onHandle('write at a bigint position', 'ok', (h) => h.write('<new>', 7n), 'r+', {
  differs: '- `write` and `writev` take positions that are bigints',
});

// ---- Data

function* parts(): Generator<unknown> {
  yield 'string ';
  yield Buffer.from('buffer ');
  yield new Uint16Array([0x4141, 0x4242]);
  yield new DataView(new ArrayBuffer(3));
  yield '';
}
async function* asyncParts(): AsyncGenerator<unknown> {
  for (const part of parts()) {
    await new Promise((resolve) => setImmediate(resolve));
    yield part;
  }
}
async function* endsInError(): AsyncGenerator<unknown> {
  yield 'before ';
  throw new RangeError('it broke');
}

const data: Record<string, () => unknown> = {
  'a generator': parts,
  'an async generator': asyncParts,
  'a generator that fails': endsInError,
  'an array': () => ['one', Buffer.from('two')],
  'a Set': () => new Set(['one', 'two']),
  'a Map': () => new Map([['key', 'value']]),
  'a String object': () => new String('text'),
  'a stream': () => Readable.from(['one', Buffer.from('two')]),
  'a stream of bytes': () => Readable.from([Buffer.from('one'), Buffer.from('two')]),
  'a stream in object mode': () => Readable.from([{ a: 1 }]),
  'a stream that fails': () => Readable.from(endsInError()),
  'a stream that has ended': () => Readable.from([]),
  'a web stream': () => new Blob(['blob ', 'content']).stream(),
  'a Blob': () => new Blob(['blob']),
  'an ArrayBuffer': () => new ArrayBuffer(5),
  'a SharedArrayBuffer': () => new SharedArrayBuffer(5),
  'a Float64Array': () => new Float64Array([1, 2]),
  'a part of memory': () => new Uint8Array(Buffer.from('0123456789').buffer, 8, 4).fill(65),
  'an array of numbers': () => [1, 2, 3],
  'an array of null': () => [null],
  'an array of arrays': () => [['a']],
  'an iterable object': () => ({ [Symbol.iterator]: () => ['i', 'j'][Symbol.iterator]() }),
  'an object with toString': () => ({ toString: () => 'text' }),
  'a Date': () => new Date(0),
  'a number': () => 5,
  'a bigint': () => 5n,
  'a boolean': () => true,
  'a symbol': () => Symbol('data'),
  'a function': () => () => {},
  null: () => null,
  undefined: () => undefined,
  'an object': () => ({}),
  'a promise': () => Promise.resolve('text'),
};
const isText = (name: string): boolean => /fails/.test(name);

for (const [name, make] of Object.entries(data)) {
  const expected = isText(name) ? 'it broke' : undefined;
  list.add(`writeFile of ${name}, kinds of data`, expected, ({ fs, file }) =>
    fs.writeFile(file, make()),
  );
  list.add(`appendFile of ${name}, kinds of data`, expected, ({ fs, file }) =>
    fs.appendFile(file, make()),
  );
  list.onHandle(`handle.writeFile of ${name}, kinds of data`, expected, (handle) =>
    handle.writeFile(make()),
  );
  list.onHandle(`handle.write of ${name}, kinds of data`, undefined, (handle) =>
    handle.write(make()),
  );
  list.onHandle(`handle.writev of ${name}, kinds of data`, undefined, (handle) =>
    handle.writev([make()]),
  );
}

// ---- Encodings

for (const encoding of 'utf8 ucs2 utf16le latin1 binary ascii hex base64 base64url'.split(' ')) {
  for (const content of ['68c3a4', 'aGk=', 'ü☃𝄞', '']) {
    const name = `of ${shown(content)} in ${encoding}`;
    list.add(`writeFile and appendFile ${name}`, 'ok', async ({ fs, file }) => {
      await fs.writeFile(file, content, encoding);
      await fs.appendFile(file, content, { encoding });
    });
    list.onHandle(`write ${name}`, undefined, async (handle) => [
      await handle.write(content, 3, encoding),
      await handle.write(content, null, encoding),
    ]);
  }
}

// ---- Options

const options: unknown[] = [
  undefined,
  null,
  {},
  'utf8',
  5,
  true,
  'nothing',
  () => {},
  { encoding: 'nothing' },
  { encoding: null },
  { mode: 'abc' },
  { mode: '644' },
  { mode: -1 },
  { mode: 1.5 },
  { mode: {} },
  { mode: null },
  { flag: 'q' },
  { flag: 5.5 },
  { flag: {} },
  { flush: 1 },
  { flush: null },
  { flush: true },
  { flush: false },
  { flush: 'yes' },
  { signal: {} },
  { signal: 'x' },
];
for (const given of options) {
  list.add(`writeFile with options ${shown(given)}`, undefined, ({ fs, missing }) =>
    fs.writeFile(missing, 'new', given),
  );
  list.add(`appendFile with options ${shown(given)}`, undefined, ({ fs, missing }) =>
    fs.appendFile(missing, 'new', given),
  );
  list.onHandle(`handle.writeFile with options ${shown(given)}`, undefined, (handle) =>
    handle.writeFile('new', given),
  );
}
list.add('options of writeFile are not changed', 'ok', async ({ fs, file }) => {
  const given = Object.freeze({ encoding: 'utf8', flag: 'w', mode: 0o600 });
  await fs.writeFile(file, 'x', given);
  await fs.appendFile(file, 'y', Object.freeze({ encoding: 'utf8' }));
  return given;
});
list.add('options of writeFile from a prototype', 'ok', async ({ fs, file }) => {
  await fs.writeFile(file, 'x', Object.create({ flag: 'a' }));
  await fs.appendFile(file, '79', Object.create({ encoding: 'hex' }));
});

// ---- Sizes of files

for (const length of [0, 1, 10, 100, 5000, -5, 1.5, '5', null, undefined, Number.NaN, 10n, {}]) {
  const name = shown(length);
  list.add(`truncate(path, ${name})`, undefined, ({ fs, file }) => fs.truncate(file, length));
  list.onHandle(`handle.truncate(${name}) and then a write`, undefined, async (handle) => {
    await handle.read(Buffer.alloc(20));
    await handle.truncate(length);
    await handle.write('<after>');
  });
}

// ---- Streams

const streamOptions: unknown[] = [
  undefined,
  {},
  { start: 5 },
  { start: 200 },
  { encoding: 'latin1' },
  { highWaterMark: 2 },
  { encoding: 'nothing' },
  { autoClose: false },
  { emitClose: false },
  { flush: true },
];
for (const given of streamOptions) {
  list.onHandle(`createWriteStream with ${shown(given)}`, undefined, async (handle) => {
    const stream = handle.createWriteStream(given);
    stream.write('<one ü>');
    stream.write(Buffer.from('<two>'));
    await new Promise((resolve, reject) => {
      stream.on('error', reject);
      stream.end('<end>', resolve);
    });
    stream.destroy();
    return [stream.bytesWritten, stream.pending];
  });
}
list.onHandle('events of createWriteStream', 'ok', async (handle) => {
  const events: string[] = [];
  const stream = handle.createWriteStream({ start: 1 });
  for (const name of ['open', 'ready', 'finish', 'error', 'close']) {
    stream.on(name, () => events.push(name));
  }
  stream.end('text');
  await new Promise((resolve) => stream.on('close', resolve));
  return events;
});
