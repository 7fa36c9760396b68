import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CopyOptions, engine } from '../../lib/index.js';
import { symbolicLinks } from '../ecosystem/tree.js';
import {
  copyOfFile,
  distUrl,
  isLinux,
  isWindows,
  makeFifo,
  openDescriptors,
  randomBytes,
  rejection,
  resultOfChild,
  sha256,
  temporaryFolder,
  testWhere,
  testWithFifo,
  unbufferedFolder,
} from '../helpers.js';

const chunkSize = 64 * 1024;
const small = { depth: 3, chunkSize };

async function folderWith(data: Buffer) {
  const folder = await unbufferedFolder();
  fs.rmSync(path.join(folder, 'probe'));
  const [source, destination] = [path.join(folder, 'source'), path.join(folder, 'destination')];
  fs.writeFileSync(source, data);
  return { folder, source, destination };
}

/** The options with which the engine copies. */
const ways: readonly (readonly [string, CopyOptions])[] = [
  ['auto', {}],
  ['engine', { strategy: 'engine' }],
  ['unbuffered', { unbuffered: true }],
  ['verified', { verify: true }],
  ['unbuffered and verified', { unbuffered: true, verify: true }],
  ['in place', { atomic: false, strategy: 'engine' }],
  ['preallocated', { preallocate: true, strategy: 'engine' }],
];

describe.each(ways)('%s', (_name, way) => {
  test.each([0, 1, 4096, chunkSize + 1, 20 * chunkSize + 1234])('%i bytes', async (size) => {
    const data = randomBytes(size, size + 1);
    const { folder, source, destination } = await folderWith(data);
    // The previous content of the destination must not remain after the end of the copy.
    fs.writeFileSync(destination, Buffer.alloc(30 * chunkSize, 7));
    const report = await copyOfFile(source, destination, { ...small, ...way });
    expect(fs.readFileSync(destination).equals(data)).toBe(true);
    expect(fs.readdirSync(folder).sort()).toEqual(['destination', 'source']);
    expect(report).toMatchObject({ bytes: size, engine: engine.kind });
    expect(report.verified).toBe(way.verify === true);
    expect(report.hash).toBe(way.verify ? sha256(data) : undefined);
    expect(report.reason).not.toBe('');
    expect(engine.stats().inFlight).toBe(0);
  });
});

test('hash returns the digest of the named algorithm', async () => {
  const data = Buffer.from('abc');
  const { source, destination } = await folderWith(data);
  const { hash, verified } = await copyOfFile(source, destination, { hash: 'md5' });
  // RFC 1321, appendix A.5.
  expect({ hash, verified }).toEqual({ hash: '900150983cd24fb0d6963f7d28e17f72', verified: false });
});

test('the copy has the permission bits of the source', async () => {
  const { source, destination } = await folderWith(Buffer.from('text'));
  fs.chmodSync(source, 0o640);
  await copyOfFile(source, destination);
  const mode = fs.statSync(destination).mode & 0o777;
  expect(mode).toBe(isWindows ? 0o666 : 0o640);
});

/** Expects a failing copy and an unchanged destination without leftovers; returns the error. */
async function failure(
  data: Buffer,
  options: (paths: { source: string; destination: string }) => CopyOptions,
) {
  const { folder, source, destination } = await folderWith(data);
  const paths = { source, destination };
  fs.writeFileSync(destination, 'as it was');
  // Changes within one tick of the clock of a file system leave its times as they are.
  fs.utimesSync(source, 1e9, 1e9);
  const error = await rejection(copyOfFile(source, destination, { ...small, ...options(paths) }));
  expect(engine.stats().inFlight).toBe(0);
  expect(fs.readFileSync(destination, 'utf8')).toBe('as it was');
  expect(fs.readdirSync(folder).sort()).toEqual(['destination', 'source']);
  return error;
}

/** A progress option that runs a function once that many bytes have been copied. */
function at(bytes: number, run: () => void): CopyOptions {
  let isDone = false;
  return {
    strategy: 'engine',
    onProgress: (progress) => {
      if (isDone || progress.phase !== 'copy' || progress.bytes < bytes) return;
      isDone = true;
      run();
    },
  };
}

const long = randomBytes(40 * chunkSize);

describe('a source that changes meanwhile is an error', () => {
  test('by being cut', async () => {
    const error = await failure(long, ({ source }) =>
      at(3 * chunkSize, () => fs.truncateSync(source, 20 * chunkSize + 5)),
    );
    expect(error).toMatchObject({ code: 'ERR_SOURCE_CHANGED', actualSize: 20 * chunkSize + 5 });
  });

  test('by growing', async () => {
    const error = await failure(long, ({ source }) =>
      at(3 * chunkSize, () => fs.appendFileSync(source, 'x')),
    );
    expect(error).toMatchObject({ code: 'ERR_SOURCE_CHANGED', expectedSize: 40 * chunkSize });
  });

  test('by being written to', async () => {
    const error = await failure(long, ({ source }) =>
      at(3 * chunkSize, () => {
        const fd = fs.openSync(source, 'r+');
        fs.writeSync(fd, 'x', 3);
        fs.closeSync(fd);
      }),
    );
    expect(error.code).toBe('ERR_SOURCE_CHANGED');
  });
});

describe('an abort rejects when nothing is in flight any more', () => {
  test.each([0, 1, 20 * chunkSize, 40 * chunkSize])('at %i bytes', async (bytes) => {
    const controller = new AbortController();
    const { signal } = controller;
    const error = await failure(long, () => ({ ...at(bytes, () => controller.abort()), signal }));
    expect(error.name).toBe('AbortError');
  });

  test('during the verification', async () => {
    const controller = new AbortController();
    const error = await failure(long, () => ({
      verify: true,
      signal: controller.signal,
      onProgress: ({ phase, bytes }) => {
        if (phase === 'verify' && bytes > 5 * chunkSize) controller.abort();
      },
    }));
    expect(error.name).toBe('AbortError');
  });

  test('while a rate limit makes it wait', async () => {
    const signal = AbortSignal.timeout(100);
    const error = await failure(long, () => ({ rateLimit: chunkSize, signal }));
    expect(error.name).toBe('AbortError');
  });

  test('before it begins', async () => {
    const error = await failure(long, () => ({ signal: AbortSignal.abort('why') }));
    expect(error).toMatchObject({ name: 'AbortError', cause: 'why' });
  });
});

test('a copy that reads back differently is removed, and both digests are reported', async () => {
  let expected = '';
  const error = await failure(long, ({ source, destination }) => {
    expected = sha256(fs.readFileSync(source));
    const folder = path.dirname(destination);
    return {
      verify: true,
      onProgress: ({ phase, bytes }) => {
        if (phase !== 'verify' || bytes > 0) return;
        const name = fs.readdirSync(folder).find((entry) => entry.endsWith('.tmp')) as string;
        const fd = fs.openSync(path.join(folder, name), 'r+');
        fs.writeSync(fd, 'wrong', 17 * chunkSize);
        fs.fsyncSync(fd);
        fs.closeSync(fd);
      },
    };
  });
  expect(error).toMatchObject({ code: 'ERR_VERIFY_FAILED', name: 'VerifyError', expected });
  expect((error as unknown as { actual: string }).actual).toMatch(/^[0-9a-f]{64}$/);
});

test('an error of onProgress ends the copy', async () => {
  const thrown = new Error('thrown');
  const error = await failure(long, () =>
    at(5 * chunkSize, () => {
      throw thrown;
    }),
  );
  expect(error).toBe(thrown);
});

describe('an invalid source or destination is an error that names both', () => {
  test('one file by two names', async () => {
    const { folder, source } = await folderWith(long);
    const other = path.join(folder, 'other');
    fs.linkSync(source, other);
    for (const destination of [source, other]) {
      const error = await rejection(copyOfFile(source, destination));
      expect(error).toMatchObject({
        name: 'CopyError',
        code: 'ERR_COPY_SAME_FILE',
        path: source,
        dest: destination,
      });
    }
    expect(fs.readFileSync(source).equals(long)).toBe(true);
  });

  test('folders', async () => {
    const { folder, source, destination } = await folderWith(long);
    const shape = { code: 'EISDIR', syscall: 'copyfile' };
    const file = { recursive: false };
    expect(await rejection(copyOfFile(folder, destination, file))).toMatchObject({
      ...shape,
      path: folder,
      dest: destination,
    });
    expect(await rejection(copyOfFile(source, folder))).toMatchObject({ ...shape, dest: folder });
    expect(fs.readdirSync(folder)).toEqual(['source']);
  });

  test('a missing source', async () => {
    const { folder, source, destination } = await folderWith(long);
    const none = path.join(folder, 'none');
    expect(await rejection(copyOfFile(none, destination))).toMatchObject({
      code: 'ENOENT',
      path: none,
      dest: destination,
    });
    const within = path.join(none, 'destination');
    const error = await rejection(copyOfFile(source, within));
    expect(error).toMatchObject({ code: 'ENOENT', path: source, dest: within });
    expect(error.message).not.toContain('.tmp');
  });
});

describe('without overwrite', () => {
  test('an existing destination is an error, and is kept', async () => {
    const { folder, source, destination } = await folderWith(long);
    fs.writeFileSync(destination, 'as it was');
    for (const atomic of [true, false]) {
      const error = await rejection(copyOfFile(source, destination, { overwrite: false, atomic }));
      expect(error).toMatchObject({ code: 'EEXIST', dest: destination });
    }
    expect(fs.readFileSync(destination, 'utf8')).toBe('as it was');
    expect(fs.readdirSync(folder).sort()).toEqual(['destination', 'source']);
  });

  test('a destination that appears meanwhile is an error', async () => {
    const { folder, source, destination } = await folderWith(long);
    const options = at(chunkSize, () => fs.writeFileSync(destination, 'in between'));
    const error = await rejection(
      copyOfFile(source, destination, { ...options, overwrite: false }),
    );
    expect(error).toMatchObject({ code: 'EEXIST', dest: destination });
    expect(fs.readFileSync(destination, 'utf8')).toBe('in between');
    expect(fs.readdirSync(folder).sort()).toEqual(['destination', 'source']);
  });
});

test('a name that is too long', async () => {
  const { folder, source } = await folderWith(long);
  const destination = path.join(folder, 'x'.repeat(300));
  const error = await rejection(copyOfFile(source, destination));
  expect(error.code).toBe(isWindows ? 'ENOENT' : 'ENAMETOOLONG');
  expect(fs.readdirSync(folder)).toEqual(['source']);
});

testWhere(!isWindows, 'Windows has other devices')('devices', async () => {
  const { folder, source, destination } = await folderWith(long);
  const shape = { code: 'ERR_COPY_FILE_TYPE' };
  expect(await rejection(copyOfFile('/dev/zero', destination))).toMatchObject(shape);
  expect(await rejection(copyOfFile(source, '/dev/null'))).toMatchObject(shape);
  expect(fs.readdirSync(folder)).toEqual(['source']);
});

testWhere(symbolicLinks, 'this user may make no symbolic links here')(
  'a destination that is a link stays one, also without a target',
  async () => {
    const folder = temporaryFolder();
    const at = (name: string) => path.join(folder, name);
    fs.writeFileSync(at('source'), 'content');
    fs.mkdirSync(at('below'));
    fs.symlinkSync(path.join('below', 'second'), at('first'));
    fs.symlinkSync(path.join('..', 'end'), at('below/second'));
    for (const way of [{ atomic: true }, { atomic: false }, { resume: true }]) {
      await copyOfFile(at('source'), at('first'), way);
      expect(fs.readlinkSync(at('first'))).toBe(path.join('below', 'second'));
      expect(fs.readlinkSync(at('below/second'))).toBe(path.join('..', 'end'));
      expect(fs.readFileSync(at('end'), 'utf8')).toBe('content');
      expect(fs.readdirSync(folder).sort()).toEqual(['below', 'end', 'first', 'source']);
      fs.rmSync(at('end'));
    }
    const error = await rejection(copyOfFile(at('source'), at('first'), { overwrite: false }));
    expect(error.code).toBe('EEXIST');
  },
);

// Runs as a user who is bound by the mode of a file.
const reserving = `
  const [url, folder] = process.argv.slice(2);
  const { copy } = await import(url);
  process.setegid(65534);
  process.seteuid(65534);
  const found = [];
  for (const strategy of ['engine', 'offload', 'auto']) {
    const to = path.join(folder, strategy);
    const options = { strategy, atomic: false, preallocate: true };
    const ended = () => copy(path.join(folder, 'source'), to, options).then(
      () => (fs.statSync(to).mode & 0o777).toString(8), ({ code }) => code);
    found.push(await ended(), await ended());
    fs.chmodSync(to, 0o200);
    found.push(await ended());
  }
  console.log(JSON.stringify(found));
`;

testWhere(process.geteuid?.() === 0, 'only root can become another user', { mustRun: isLinux })(
  'space is reserved for a read-only file that is not made under another name',
  async () => {
    const folder = temporaryFolder();
    const source = path.join(folder, 'source');
    fs.writeFileSync(source, randomBytes(300_000));
    fs.chmodSync(source, 0o444);
    fs.chmodSync(folder, 0o777);
    const args = [distUrl('index.js'), folder];
    // An existing read-only file is not written to; an unreadable one is.
    const each = ['444', 'EACCES', '200'];
    expect(await resultOfChild(reserving, { args })).toEqual([...each, ...each, ...each]);
  },
);

// Runs as a user who may create files in a folder but not list it.
const intoDropFolder = `
  const [url, source, destination] = process.argv.slice(2);
  const { copy } = await import(url);
  process.seteuid(65534);
  console.log(JSON.stringify(await copy(source, destination).then(
    () => ({}), ({ code, dest }) => ({ code, dest }))));
`;

testWhere(process.geteuid?.() === 0, 'only root can become another user', { mustRun: isLinux })(
  'where the folder cannot be synced, the destination is as it was',
  async () => {
    const parent = temporaryFolder();
    const [source, folder] = [path.join(parent, 'source'), path.join(parent, 'folder')];
    const destination = path.join(folder, 'file');
    fs.writeFileSync(source, 'new');
    fs.mkdirSync(folder);
    fs.writeFileSync(destination, 'old');
    for (const [file, mode] of [
      [parent, 0o755],
      [destination, 0o666],
      [folder, 0o333],
    ] as const) {
      fs.chmodSync(file, mode);
    }
    const args = [distUrl('index.js'), source, destination];
    const error = await resultOfChild(intoDropFolder, { args });
    expect(error).toEqual({ code: 'EACCES', dest: destination });
    expect(fs.readFileSync(destination, 'utf8')).toBe('old');
    expect(fs.readdirSync(folder)).toEqual(['file']);
  },
);

test('without atomic a copy that fails is removed', async () => {
  const { folder, source, destination } = await folderWith(long);
  const controller = new AbortController();
  const options = at(chunkSize, () => controller.abort());
  const { signal } = controller;
  const call = copyOfFile(source, destination, { ...small, ...options, signal, atomic: false });
  expect((await rejection(call)).name).toBe('AbortError');
  expect(fs.readdirSync(folder)).toEqual(['source']);
});

test('a name of 255 bytes can be copied to', async () => {
  const { source, folder } = await folderWith(long);
  const destination = path.join(folder, 'n'.repeat(255));
  await copyOfFile(source, destination);
  expect(fs.readFileSync(destination).equals(long)).toBe(true);
});

testWhere(!isWindows, 'making links needs a privilege on Windows')(
  'links are followed on both sides, and stay',
  async () => {
    const { folder, destination } = await folderWith(long);
    fs.writeFileSync(destination, 'old');
    const [from, to] = [path.join(folder, 'from'), path.join(folder, 'to')];
    fs.symlinkSync('source', from);
    fs.symlinkSync('destination', to);
    await copyOfFile(from, to);
    expect(fs.readFileSync(destination).equals(long)).toBe(true);
    expect(fs.readlinkSync(to)).toBe('destination');
  },
);

testWhere(!isWindows, 'paths are text on Windows')(
  'paths may be of bytes that are no text',
  async () => {
    const { folder, source } = await folderWith(long);
    const destination = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe, 0x41])]);
    await copyOfFile(Buffer.from(source), destination);
    expect(fs.readFileSync(destination).equals(long)).toBe(true);
    await copyOfFile(source, destination);
    expect(fs.readdirSync(folder)).toHaveLength(2);
  },
);

testWithFifo('a FIFO is read to its end', async () => {
  const fifo = makeFifo();
  const { destination } = await folderWith(long);
  const copying = copyOfFile(fifo, destination, { hash: 'sha256' });
  await fs.promises.writeFile(fifo, long);
  expect(await copying).toMatchObject({ bytes: long.byteLength, hash: sha256(long) });
  expect(fs.readFileSync(destination).equals(long)).toBe(true);
});

testWhere(process.platform === 'linux', '/proc is of Linux')(
  'a file that does not say its size is read to its end',
  async () => {
    const { destination } = await folderWith(long);
    const report = await copyOfFile('/proc/cpuinfo', destination);
    expect(fs.readFileSync(destination, 'utf8')).toMatch(/^processor/);
    expect(report.bytes).toBe(fs.statSync(destination).size);
    const refused = await rejection(copyOfFile('/proc/cpuinfo', destination, { unbuffered: true }));
    expect(refused).toMatchObject({ code: 'EINVAL', path: '/proc/cpuinfo' });
    expect(refused.message).toContain('unbuffered');
  },
);

test('progress ends at the size, never decreases, and reports rate and time left', async () => {
  const { source, destination } = await folderWith(long);
  const seen: { phase: string; bytes: number; total: number }[] = [];
  await copyOfFile(source, destination, {
    ...small,
    verify: true,
    onProgress: (progress) => {
      expect(progress.bytesPerSecond).toBeGreaterThanOrEqual(0);
      expect(progress.secondsLeft).toBeGreaterThanOrEqual(0);
      seen.push(progress);
    },
  });
  for (const phase of ['copy', 'verify']) {
    const bytes = seen.filter((progress) => progress.phase === phase).map((item) => item.bytes);
    expect(bytes[0]).toBe(0);
    expect(bytes.at(-1)).toBe(long.byteLength);
    expect(bytes).toEqual(bytes.toSorted((a, b) => a - b));
  }
  expect(new Set(seen.map(({ total }) => total))).toEqual(new Set([long.byteLength]));
});

test('rateLimit is not exceeded', async () => {
  const { source, destination } = await folderWith(long);
  const rateLimit = long.byteLength;
  for (const strategy of ['auto', 'engine'] as const) {
    const { durationMs } = await copyOfFile(source, destination, {
      rateLimit,
      strategy,
      hash: 'md5',
    });
    expect(durationMs).toBeGreaterThan(800);
  }
});

test('invalid options reject before anything is changed', async () => {
  const { folder, source, destination } = await folderWith(long);
  const wrong: readonly (readonly [object, string])[] = [
    [{ strategy: 'fast' }, 'ERR_INVALID_ARG_VALUE'],
    [{ depth: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ rateLimit: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ verify: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ hash: 'no such' }, 'ERR_INVALID_ARG_VALUE'],
    [{ hash: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ unbuffered: true, strategy: 'clone' }, 'ERR_INVALID_ARG_VALUE'],
    [{ resume: true, atomic: false }, 'ERR_INVALID_ARG_VALUE'],
    [{ sparse: 'never', strategy: 'clone' }, 'ERR_INVALID_ARG_VALUE'],
    [
      { metadata: isWindows ? { mode: true } : { streams: true } },
      'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM',
    ],
  ];
  for (const [options, code] of wrong) {
    expect((await rejection(copyOfFile(source, destination, options))).code).toBe(code);
  }
  expect(fs.readdirSync(folder)).toEqual(['source']);
});

testWhere(process.platform === 'linux', '/proc counts descriptors')(
  'copies that succeed and copies that fail leave no descriptor open',
  async () => {
    const { source, destination, folder } = await folderWith(long);
    for (let i = 0; i < 10; i++) {
      await copyOfFile(source, destination, { verify: true });
      await rejection(copyOfFile(source, folder));
      const options = at(chunkSize, () => fs.appendFileSync(source, 'x'));
      await rejection(copyOfFile(source, destination, { ...small, ...options }));
    }
    expect(openDescriptors(folder)).toBe(0);
  },
);
