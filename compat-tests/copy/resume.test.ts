import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { type CopyOptions, engine } from '../../lib/index.js';
import {
  copyOfFile,
  distUrl,
  isWindows,
  randomBytes,
  rejection,
  resultOfChild,
  runChild,
  settled,
  sha256,
  temporaryFolder,
  testWhere,
} from '../helpers.js';

const MiB = 1024 * 1024;
const data = randomBytes(16 * MiB + 1234);
// It takes two seconds, and a note is written every half second.
const slow: CopyOptions = { resume: true, strategy: 'engine', rateLimit: 8 * MiB };

function pathsIn(folder: string) {
  const [source, destination] = [path.join(folder, 'source'), path.join(folder, 'destination')];
  const names = (): string[] => fs.readdirSync(folder).sort();
  const partial = (): string => {
    const name = names().find((entry) => entry.endsWith('.partial'));
    return path.join(folder, name as string);
  };
  return { folder, source, destination, names, partial };
}

function paths(content = data) {
  const places = pathsIn(temporaryFolder());
  fs.writeFileSync(places.source, content);
  return places;
}

/** How many bytes of an unfinished copy are on the disk by its note; 0 if there is none yet. */
function flushedIn(partial: () => string): number {
  try {
    return Number(JSON.parse(fs.readFileSync(`${partial()}.json`, 'utf8')).flushed);
  } catch {
    return 0;
  }
}

/** Aborts a copy when its note says that more bytes than these are on the disk. */
async function interrupt(
  source: string,
  destination: string,
  bytes: number,
  options = slow,
  attempts = 10,
): Promise<void> {
  const { partial } = pathsIn(path.dirname(source));
  const controller = new AbortController();
  const { signal } = controller;
  const onProgress = (): void => {
    if (flushedIn(partial) > bytes) controller.abort();
  };
  const { error } = await settled(
    copyOfFile(source, destination, { ...options, signal, onProgress }),
  );
  expect(engine.stats().inFlight).toBe(0);
  if (error === undefined && attempts > 1) {
    // After a stall of the machine a copy may catch up with its rate, and end without a note.
    fs.rmSync(destination);
    return interrupt(source, destination, bytes, options, attempts - 1);
  }
  expect(error?.name).toBe('AbortError');
  expect(fs.existsSync(destination)).toBe(false);
}

/** Completes the copy, and returns the number of bytes that were already there. */
async function finish(source: string, destination: string, options: CopyOptions = {}) {
  let resumed = 0;
  const report = await copyOfFile(source, destination, {
    resume: true,
    ...options,
    onProgress: ({ phase, bytes }) => {
      if (phase === 'resume') resumed = bytes;
    },
  });
  return { resumed, report };
}

test.each([false, true])(
  'resume continues an unfinished copy, unbuffered: %s',
  async (unbuffered) => {
    const { source, destination, names } = paths();
    await interrupt(source, destination, 2 * MiB, { ...slow, unbuffered });
    expect(names()).toHaveLength(3);
    const options: CopyOptions = { strategy: 'engine', unbuffered, verify: true };
    const { resumed, report } = await finish(source, destination, options);
    expect(resumed).toBeGreaterThan(2 * MiB);
    expect(report).toMatchObject({ bytes: data.byteLength, hash: sha256(data), verified: true });
    expect(report.dataBytes).toBe(data.byteLength - resumed);
    expect(fs.readFileSync(destination).equals(data)).toBe(true);
    expect(names()).toEqual(['destination', 'source']);
  },
);

testWhere(!isWindows, 'Windows has no offload')('an offload goes on, too', async () => {
  const { source, destination, names } = paths();
  await interrupt(source, destination, 2 * MiB, { ...slow, strategy: 'offload' });
  const { resumed, report } = await finish(source, destination, { strategy: 'offload' });
  expect(resumed).toBeGreaterThan(2 * MiB);
  expect(report.dataBytes).toBe(data.byteLength - resumed);
  expect(fs.readFileSync(destination).equals(data)).toBe(true);
  expect(names()).toEqual(['destination', 'source']);
});

test('an earlier partial copy is kept up to the first difference', async () => {
  const { source, destination, partial } = paths();
  await interrupt(source, destination, 2 * MiB);
  const fd = fs.openSync(partial(), 'r+');
  fs.writeSync(fd, 'wrong', MiB + 5);
  fs.closeSync(fd);
  const { resumed } = await finish(source, destination, { hash: 'sha256' });
  expect(resumed).toBeGreaterThan(0);
  expect(resumed).toBeLessThanOrEqual(MiB);
  expect(fs.readFileSync(destination).equals(data)).toBe(true);
});

test('a truncated, longer or unannotated partial copy does no harm', async () => {
  const harms: readonly ((partial: string) => void)[] = [
    (partial) => fs.truncateSync(partial, 100_001),
    (partial) => fs.truncateSync(partial, 3 * data.byteLength),
    (partial) => fs.rmSync(`${partial}.json`),
    (partial) => fs.writeFileSync(`${partial}.json`, '{"flushed":"9999999999'),
    (partial) => fs.rmSync(partial),
  ];
  const { source, destination, partial, names } = paths();
  await interrupt(source, destination, 2 * MiB);
  const [part, note] = [fs.readFileSync(partial()), fs.readFileSync(`${partial()}.json`)];
  const place = partial();
  for (const harm of harms) {
    fs.writeFileSync(place, part);
    fs.writeFileSync(`${place}.json`, note);
    harm(place);
    await finish(source, destination);
    expect(fs.readFileSync(destination).equals(data)).toBe(true);
    expect(names()).toEqual(['destination', 'source']);
  }
});

test('a source that has changed since is copied from its start', async () => {
  const { source, destination } = paths();
  await interrupt(source, destination, 2 * MiB);
  const other = randomBytes(data.byteLength, 2);
  fs.writeFileSync(source, other);
  const { resumed } = await finish(source, destination);
  expect(resumed).toBe(0);
  expect(fs.readFileSync(destination).equals(other)).toBe(true);
});

test('resume continues within holes and keeps them', async () => {
  const { source, destination } = paths(data.subarray(0, 12 * MiB));
  fs.truncateSync(source, 64 * MiB);
  fs.appendFileSync(source, data.subarray(0, 4 * MiB));
  await interrupt(source, destination, 10 * MiB);
  const { report } = await finish(source, destination, { strategy: 'engine', hash: 'sha256' });
  expect(report.hash).toBe(sha256(fs.readFileSync(destination)));
  expect(report.hash).toBe(sha256(fs.readFileSync(source)));
  if (!isWindows) expect(fs.statSync(destination).blocks * 512).toBeLessThan(20 * MiB);
});

test('only one copy at a time writes to a destination', async () => {
  const { source, destination, names } = paths();
  let other: Promise<NodeJS.ErrnoException> | undefined;
  const onProgress = ({ bytes }: { bytes: number }): void => {
    if (bytes === 0) return;
    other ??= rejection(copyOfFile(source, destination, { resume: true, strategy: 'engine' }));
  };
  await copyOfFile(source, destination, { ...slow, onProgress });
  expect(await other).toMatchObject({ code: 'EBUSY', dest: destination });
  expect(fs.readFileSync(destination).equals(data)).toBe(true);
  expect(names()).toEqual(['destination', 'source']);
});

/** Copies in another process while this one waits, and returns how that ended. */
function copyElsewhere(source: string, destination: string): unknown {
  const folder = temporaryFolder();
  const [script, result] = [path.join(folder, 'copy.mjs'), path.join(folder, 'result')];
  fs.writeFileSync(
    script,
    `import { writeFileSync } from 'node:fs';
    import { copy } from ${JSON.stringify(distUrl('index.js'))};
    const [source, destination, result] = process.argv.slice(2);
    const ended = await copy(source, destination, { resume: true, hash: 'md5' })
      .catch(({ code, dest }) => ({ code, dest }));
    writeFileSync(result, JSON.stringify(ended));`,
  );
  spawnSync(process.execPath, [script, source, destination, result], { stdio: 'inherit' });
  return JSON.parse(fs.readFileSync(result, 'utf8'));
}

test('no other copy uses the file until it has its name, even while it is read back', async () => {
  const { source, destination, names } = paths();
  let other: unknown;
  await copyOfFile(source, destination, {
    resume: true,
    verify: true,
    onProgress: ({ phase, bytes }) => {
      if (phase === 'verify' && bytes === 0) other = copyElsewhere(source, destination);
    },
  });
  expect(fs.readFileSync(destination).equals(data)).toBe(true);
  expect(other).toEqual({ code: 'EBUSY', dest: destination });
  expect(names()).toEqual(['destination', 'source']);
});

const isRoot = process.geteuid?.() === 0;
testWhere(isRoot, 'only the superuser gives files away')(
  'an unfinished copy that already has the owner of its source is made again',
  async () => {
    const { source, destination, partial, names } = paths();
    const other = 2004;
    fs.chownSync(source, other, other);
    await interrupt(source, destination, 2 * MiB);
    // The copy was killed between getting its owner and its name.
    fs.chownSync(partial(), other, other);
    const { resumed } = await finish(source, destination, { metadata: { owner: true } });
    expect(resumed).toBe(0);
    expect(fs.readFileSync(destination).equals(data)).toBe(true);
    expect(fs.statSync(destination).uid).toBe(other);
    expect(names()).toEqual(['destination', 'source']);
  },
);

// Runs as a user who is bound by the mode of a file.
const readOnly = `
  const [url, source, destination] = process.argv.slice(2);
  const { copy } = await import(url);
  if (process.geteuid?.() === 0) process.seteuid(65534);
  const kept = process.platform === 'win32' ? { attributes: true } : { mode: true };
  const ended = [];
  for (const metadata of [kept, undefined]) {
    for (const phase of ['copy', 'verify', undefined]) {
      const ending = new AbortController();
      const onProgress = (progress) => {
        if (progress.phase === phase && progress.bytes > 0) ending.abort();
      };
      const { signal } = ending;
      const options = { metadata, resume: true, verify: true, signal, onProgress };
      ended.push(await copy(source, destination, options).then(() => 'done', ({ code }) => code));
    }
    fs.rmSync(destination, { force: true });
  }
  ended.push((await copy(source, destination, { preallocate: true })).bytes);
  console.log(JSON.stringify(ended));
`;

test('resume works for a read-only source, and reserves its space', async () => {
  const { folder, source, destination, names } = paths();
  fs.chmodSync(folder, 0o777);
  fs.chmodSync(source, 0o444);
  const args = [distUrl('index.js'), source, destination];
  const ended = await resultOfChild<unknown[]>(readOnly, { args });
  const once = ['ABORT_ERR', 'ABORT_ERR', 'done'];
  expect(ended).toEqual([...once, ...once, data.byteLength]);
  expect(names()).toEqual(['destination', 'source']);
  expect(fs.statSync(destination).mode & 0o777).toBe(0o444);
  for (const file of [source, destination]) fs.chmodSync(file, 0o644);
});

testWhere(!isWindows, 'only an administrator makes links there')(
  'a link under the name of what is unfinished is not followed',
  async () => {
    const { folder, source, destination, names } = paths();
    await interrupt(source, destination, 0);
    const victim = path.join(folder, 'victim');
    fs.writeFileSync(victim, 'mine');
    for (const name of names().filter((entry) => entry.includes('.partial'))) {
      const partial = path.join(folder, name);
      fs.renameSync(partial, `${partial}.aside`);
      fs.symlinkSync('victim', partial);
      const error = await rejection(copyOfFile(source, destination, { resume: true }));
      expect(error).toMatchObject({ code: 'ELOOP', dest: destination });
      expect(fs.readFileSync(victim, 'utf8')).toBe('mine');
      fs.renameSync(`${partial}.aside`, partial);
    }
    await finish(source, destination);
    expect(fs.readFileSync(destination).equals(data)).toBe(true);
  },
);

const killing = `
const { copy } = await import(${JSON.stringify(distUrl('index.js'))});
const [source, destination] = process.argv.slice(2);
const options = ${JSON.stringify(slow)};
await copy(source, destination, options);
`;

test('a copy killed at eight moments ends in the right file, never in a wrong one', async () => {
  const { source, destination, names } = paths();
  let killed = 0;
  for (let i = 0; i < 8; i++) {
    const msMax = 150 + ((i * 7919) % 1300);
    const { signal } = await runChild(killing, { args: [source, destination], msMax });
    if (signal === 'SIGKILL') killed++;
    if (fs.existsSync(destination)) {
      expect(fs.readFileSync(destination).equals(data)).toBe(true);
      fs.rmSync(destination);
    }
  }
  expect(killed).toBeGreaterThan(3);
  const { report } = await finish(source, destination, { verify: true });
  expect(report.hash).toBe(sha256(data));
  expect(fs.readFileSync(destination).equals(data)).toBe(true);
  expect(names()).toEqual(['destination', 'source']);
});
