import { isWindows } from '../../helpers.js';
import { came, caseList, type LooseHandle, posix, shown, text } from '../case.js';

// Handle methods other than reading and writing, and concurrent use of several handles.

const list = caseList();
export const { cases } = list;

// ---- Opening

const modes: unknown[] = [0o600, 0o755, 0, '600', '0o600', '', -1, 1.5, 2 ** 32, {}, true, null];
for (const mode of modes) {
  list.add(
    `open of a new file with mode ${shown(mode)}`,
    undefined,
    async ({ fs, missing }) => {
      const handle: LooseHandle = await fs.open(missing, 'w', mode);
      await handle.write('x');
      const { mode: made } = await handle.stat();
      await handle.close();
      return made.toString(8);
    },
    typeof mode === 'object' && mode !== null ? { skip: 'an object has options of ours' } : {},
  );
}
const wrongFlags: unknown[] = [1.5, 'q', '', 'r++', ' r', 'R', {}, [], true, () => {}, 10n, -1];
for (const flag of wrongFlags) {
  list.add(`open with flag ${shown(flag)}`, undefined, async ({ fs, file }) =>
    (await fs.open(file, flag)).close(),
  );
}

for (const flag of 'r r+ w w+ wx a a+ ax'.split(' ')) {
  for (const place of ['link', 'dangling', 'loop', 'to-directory', 'directory'] as const) {
    list.add(
      `open of ${place} with flag ${flag}`,
      undefined,
      async ({ fs, at }) => {
        const handle: LooseHandle = await fs.open(at(place), flag);
        const status = await handle.stat();
        await handle.close();
        return status;
      },
      posix,
    );
  }
}

// ---- stat

for (const options of [undefined, {}, { bigint: false }, { bigint: true }, { bigint: 1 }]) {
  list.onHandle(`handle.stat(${shown(options)})`, 'ok', (handle) => handle.stat(options));
}
list.onHandle('handle.stat(null)', undefined, (handle) => came(handle.stat(null)), 'r', {
  skip: 'Node shows a TypeError of its own code',
});
list.add(
  'handle.stat of a folder',
  'ok',
  async ({ fs, directory }) => {
    const handle: LooseHandle = await fs.open(directory);
    const status = [await handle.stat(), await handle.stat({ bigint: true })];
    await handle.close();
    return status;
  },
  posix,
);

// ---- chmod, chown, utimes, sync

for (const mode of [0o600, 0o777, '640', 'abc', -1, 1.5, {}, null, undefined, 2 ** 33]) {
  list.onHandle(
    `handle.chmod(${shown(mode)})`,
    undefined,
    (handle) => handle.chmod(mode),
    'r+',
    posix,
  );
}
const owners: [unknown, unknown][] = [
  [-2, 0],
  [0, -2],
  ['0', 0],
  [0, '0'],
  [1.5, 0],
  [-1, -1],
  [null, 0],
];
for (const [uid, gid] of owners) {
  list.onHandle(
    `handle.chown(${shown(uid)}, ${shown(gid)})`,
    undefined,
    (handle) => handle.chown(uid, gid),
    'r+',
    posix,
  );
}
const times: unknown[] = [0, 1.5, '12', new Date(5000), -1, 1e10, Number.NaN, {}, 'x', null, 5n];
for (const time of times) {
  list.onHandle(`handle.utimes(1, ${shown(time)})`, undefined, async (handle, { sync, file }) => {
    const result = await came(handle.utimes(1, time));
    return [result, typeof time === 'number' && time >= 0 ? sync.statSync(file).mtimeMs : 0];
  });
}
list.onHandle('handle.sync and handle.datasync, at a time', 'ok', (handle) =>
  Promise.all([handle.write('x'), handle.sync(), handle.datasync(), handle.sync()]).then((all) =>
    all.slice(1),
  ),
);

// ---- After close()

const calls: Record<string, (handle: LooseHandle) => unknown> = {
  'read()': (handle) => handle.read(),
  'read of no bytes': (handle) => handle.read(Buffer.alloc(0)),
  'write of no bytes': (handle) => handle.write(''),
  'write of a number': (handle) => handle.write(5),
  'readv of nothing': (handle) => handle.readv([]),
  'writev of nothing': (handle) => handle.writev([]),
  'truncate of a wrong length': (handle) => handle.truncate('x'),
  'stat in bigints': (handle) => handle.stat({ bigint: true }),
  'readFile with a wrong encoding': (handle) => handle.readFile('nothing'),
  'writeFile of a number': (handle) => handle.writeFile(5),
  'chmod of a wrong mode': (handle) => handle.chmod('x'),
  'utimes of a wrong time': (handle) => handle.utimes({}, {}),
};
for (const [name, call] of Object.entries(calls)) {
  list.add(`handle.${name} after close()`, 'EBADF', async ({ fs, file }) => {
    const handle: LooseHandle = await fs.open(file, 'r+');
    await handle.close();
    return call(handle);
  });
}

list.add(
  'close() while reads and writes are in flight',
  'ok',
  async ({ fs, file }) => {
    const handle: LooseHandle = await fs.open(file, 'r+');
    const all = [
      handle.read(Buffer.alloc(5), 0, 5, 0),
      handle.write('<in flight>', 20),
      handle.stat(),
      handle.readFile('utf8'),
      handle.close(),
      handle.close(),
      came(handle.read()),
    ];
    return Promise.all(all.slice(0, 6));
  },
  { skip: 'whether readFile meets the close is a matter of time in Node' },
);
list.add('events of close()', 'ok', async ({ fs, file }) => {
  const handle: LooseHandle = await fs.open(file);
  const events: unknown[] = [];
  handle.on('close', () => events.push('close'));
  handle.once('close', () => events.push('once'));
  await handle.close();
  await new Promise((resolve) => setImmediate(resolve));
  return events;
});
list.add('handles of one file share its content', 'ok', async ({ fs, file }) => {
  const one: LooseHandle = await fs.open(file, 'r+');
  const two: LooseHandle = await fs.open(file, 'r+');
  await one.write('ONE');
  const seen = await two.read(Buffer.alloc(6));
  await two.write('TWO');
  await one.truncate(12);
  const rest = await one.readFile('latin1');
  await Promise.all([one.close(), two.close()]);
  return [seen, rest];
});
list.add(
  'a handle outlives the name of its file',
  'ok',
  async ({ fs, file }) => {
    const handle: LooseHandle = await fs.open(file, 'r+');
    await fs.unlink(file);
    await fs.writeFile(file, 'another');
    const status = await handle.stat();
    const content = await handle.readFile('utf8');
    await handle.close();
    return [status, content];
  },
  posix,
);
list.add(
  'a handle follows its file when that is renamed',
  'ok',
  async ({ fs, file, missing }) => {
    const handle: LooseHandle = await fs.open(file, 'r+');
    await fs.rename(file, missing);
    await handle.write('<renamed>', 0);
    await handle.close();
  },
  posix,
);
list.add('await using of a handle', 'ok', async ({ fs, file }) => {
  const handle: LooseHandle = await fs.open(file);
  const result = await handle[Symbol.asyncDispose]();
  return [result, handle.fd];
});
list.add('fd is a number that the system knows', 'ok', async ({ fs, file }) => {
  const handle: LooseHandle = await fs.open(file);
  const isNumber = Number.isInteger(handle.fd) && handle.fd > 2;
  await handle.close();
  return [isNumber, handle.fd];
});

// ---- Concurrent operations

const appendsAtOnce = isWindows
  ? { skip: 'Wine looks for the end of the file and then writes, so that appends meet there' }
  : {};
const count = 60;
const numbers = Array.from({ length: count }, (_, i) => i);

for (const size of [1, 100, 70_000]) {
  const part = (i: number): Buffer => Buffer.alloc(size, 65 + (i % 26));
  list.add(`${count} writes of ${size} bytes at positions at a time`, 'ok', async ({ fs, at }) => {
    const handle: LooseHandle = await fs.open(at('new'), 'w+');
    await Promise.all(numbers.map((i) => handle.write(part(i), 0, size, i * size)));
    const all = await handle.read(Buffer.alloc(count * size), 0, count * size, 0);
    await handle.close();
    await fs.rm(at('new'));
    return [all.bytesRead, numbers.every((i) => all.buffer[i * size] === 65 + (i % 26))];
  });
  list.add(`${count} reads of ${size} bytes at positions at a time`, 'ok', async ({ fs, at }) => {
    await fs.writeFile(at('new'), Buffer.concat(numbers.map(part)));
    const handle: LooseHandle = await fs.open(at('new'));
    const reads = await Promise.all(
      numbers.map((i) => handle.read(Buffer.alloc(size), 0, size, i * size)),
    );
    await handle.close();
    await fs.rm(at('new'));
    return reads.map(({ buffer, bytesRead }, i) => [bytesRead, buffer.equals(part(i))]);
  });
  list.add(
    `${count} appends of ${size} bytes at a time`,
    'ok',
    async ({ fs, at }) => {
      const handle: LooseHandle = await fs.open(at('new'), 'a');
      await Promise.all(numbers.map((i) => handle.write(part(i))));
      await handle.close();
      const content: Buffer = await fs.readFile(at('new'));
      await fs.rm(at('new'));
      // Whole parts, in any order.
      const seen: (number | undefined)[] = [];
      for (let start = 0; start < content.length; start += size) {
        const piece = content.subarray(start, start + size);
        seen.push(piece.every((byte) => byte === piece[0]) ? piece[0] : -1);
      }
      return seen.sort();
    },
    appendsAtOnce,
  );
}
list.add(
  `${count} appendFile() at a time`,
  'ok',
  async ({ fs, file }) => {
    await Promise.all(numbers.map((i) => fs.appendFile(file, String.fromCharCode(65 + (i % 26)))));
    const content: string = await fs.readFile(file, 'utf8');
    await fs.writeFile(file, '');
    return [content.startsWith(text), [...content.slice(text.length)].sort().join('')];
  },
  appendsAtOnce,
);
list.add(`${count} files written, read and removed at a time`, 'ok', async ({ fs, at }) => {
  const all = await Promise.all(
    numbers.map(async (i) => {
      const place = at(`new-${i}`);
      await fs.writeFile(place, `content ${i}`);
      const content = await fs.readFile(place, 'utf8');
      const { size } = await fs.stat(place);
      await fs.rm(place);
      return [content, size, await came(fs.stat(place))];
    }),
  );
  return all;
});
list.add(`${count} handles on one file at a time`, 'ok', async ({ fs, file }) => {
  const handles: LooseHandle[] = await Promise.all(numbers.map(() => fs.open(file)));
  const reads = await Promise.all(handles.map((handle) => handle.read(Buffer.alloc(4))));
  await Promise.all(handles.map((handle) => handle.close()));
  return [reads, handles.map(({ fd }) => fd)];
});
list.add('errors and results at a time', 'ok', ({ fs, file, missing, directory }) =>
  Promise.all([
    came(fs.readFile(missing)),
    came(fs.readFile(file, 'utf8')),
    came(fs.readFile(directory)),
    came(fs.stat(missing)),
    came(fs.readdir(file)),
    came(fs.open(missing)),
  ]),
);
