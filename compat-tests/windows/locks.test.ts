// Byte-range and whole-file locks, shared and exclusive, with waiting and AbortSignal (LockFileEx;
// open file description locks). See issue 54446 of Node.
import { expect, test } from 'vitest';
import { AbortError, engine, type FileHandle, type LockOptions, open } from '../../lib/index.js';
import {
  fileWith,
  isWindows,
  rejection,
  resultOfChild,
  settled,
  sleep,
  until,
} from '../helpers.js';

async function withTwo(
  use: (first: FileHandle, second: FileHandle, file: string) => Promise<void>,
): Promise<void> {
  const file = fileWith('0123456789');
  const handles = [await open(file, 'r+'), await open(file, 'r+')] as const;
  try {
    await use(handles[0], handles[1], file);
  } finally {
    await Promise.all(handles.map((handle) => handle.close({ cancel: true })));
  }
}

async function isHeld(handle: FileHandle, options: LockOptions = {}): Promise<boolean> {
  const { error } = await settled(handle.lock({ ...options, wait: false }));
  if (error === undefined) await handle.unlock(options);
  else expect(error).toMatchObject({ code: 'EBUSY', syscall: 'lock' });
  return error !== undefined;
}

test('an exclusive lock of a range: EBUSY for others in that range only', () =>
  withTwo(async (first, second) => {
    await first.lock({ position: 10, length: 10 });
    expect(await isHeld(second, { position: 5, length: 6 })).toBe(true);
    expect(await isHeld(second, { position: 19, length: 1, exclusive: false })).toBe(true);
    expect(await isHeld(second, { position: 0, length: 10 })).toBe(false);
    expect(await isHeld(second, { position: 20 })).toBe(false);
    await first.unlock({ position: 10, length: 10 });
    expect(await isHeld(second)).toBe(false);
  }));

test('shared locks coexist', () =>
  withTwo(async (first, second) => {
    await first.lock({ exclusive: false });
    expect(await isHeld(second, { exclusive: false })).toBe(false);
    expect(await isHeld(second)).toBe(true);
  }));

test('a lock of the whole file extends beyond its end, to the last byte', () =>
  withTwo(async (first, second) => {
    await first.lock();
    expect(await isHeld(second, { position: 2n ** 62n, length: 1 })).toBe(true);
    await first.unlock();
    await first.lock({ position: 2n ** 62n, length: 10 });
    expect(await isHeld(second, { position: 2n ** 62n + 9n, length: 1 })).toBe(true);
    expect(await isHeld(second, { position: 2n ** 62n + 10n, length: 1 })).toBe(false);
  }));

test('lock() waits for unlock() of the other handle', () =>
  withTwo(async (first, second) => {
    await first.lock({ position: 0, length: 4 });
    let granted = false;
    const waiting = second.lock({ position: 2, length: 4 }).then(() => {
      granted = true;
    });
    await sleep(30);
    expect(granted).toBe(false);
    await first.unlock({ position: 0, length: 4 });
    await waiting;
    expect(await isHeld(first, { position: 0, length: 4 })).toBe(true);
  }));

test('close() releases locks, and a waiting lock is granted', async () => {
  const file = fileWith('content');
  const first = await open(file, 'r+');
  const second = await open(file, 'r+');
  await first.lock();
  const waiting = second.lock();
  await sleep(20);
  await first.close();
  await waiting;
  await second.close();
  const third = await open(file, 'r+');
  await third.lock({ wait: false });
  await third.close();
});

test('an abort ends the wait with AbortError; nothing is locked', () =>
  withTwo(async (first, second, file) => {
    await first.lock();
    const controller = new AbortController();
    const waiting = rejection(second.lock({ signal: controller.signal }));
    await sleep(20);
    const reason = new Error('no longer wanted');
    controller.abort(reason);
    const error = await waiting;
    expect(error).toBeInstanceOf(AbortError);
    expect(error).toMatchObject({ cause: reason, bytesMayHaveMoved: false });
    await first.unlock();
    const third = await open(file, 'r+');
    expect(await isHeld(third)).toBe(false);
    await third.close();
  }));

test('cancel() of the handle ends the wait too', () =>
  withTwo(async (first, second) => {
    await first.lock();
    const waiting = rejection(second.lock());
    await sleep(20);
    second.cancel();
    expect(await waiting).toBeInstanceOf(AbortError);
  }));

test('100 locks wait while reads, writes and other locks continue', () =>
  withTwo(async (first, second) => {
    await first.lock({ position: 1000, length: 1 });
    const controller = new AbortController();
    const waiting = Array.from({ length: 100 }, () =>
      rejection(second.lock({ position: 1000, length: 1, signal: controller.signal })),
    );
    await until(() => engine.stats().inFlight === 100);
    expect((await second.read(Buffer.alloc(4), { position: 0 })).buffer.toString()).toBe('0123');
    await second.write(Buffer.from('x'), { position: 9 });
    await second.lock({ position: 2000, length: 1 });
    expect((await second.stat()).size).toBe(10);
    controller.abort();
    for (const error of await Promise.all(waiting)) expect(error).toBeInstanceOf(AbortError);
    expect(engine.stats().inFlight).toBe(0);
  }));

test('the event loop keeps running while a lock waits', () =>
  withTwo(async (first, second) => {
    await first.lock();
    const waiting = second.lock();
    let turns = 0;
    const timer = setInterval(() => {
      turns++;
    }, 1);
    await until(() => turns > 10);
    clearInterval(timer);
    expect(engine.stats().inFlight).toBe(1);
    await first.unlock();
    await waiting;
  }));

test('another process is blocked by the lock, and gets it when this one releases it', async () => {
  const file = fileWith('content');
  const handle = await open(file, 'r+');
  await handle.lock();
  const script = `
    const handle = await open(argument, 'r+');
    const held = await handle.lock({ wait: false }).then(() => 'free', ({ code }) => code);
    fs.writeFileSync(argument + '.waits', '');
    await handle.lock();
    await handle.close();
    console.log(JSON.stringify({ held }));
  `;
  const child = resultOfChild(script, { args: [file] });
  const fs = await import('node:fs');
  await until(() => fs.existsSync(`${file}.waits`));
  await sleep(50);
  await handle.unlock();
  expect(await child).toEqual({ held: 'EBUSY' });
  await handle.close();
});

test('unlock() of an unlocked range is an error on Windows, but not on POSIX', () =>
  withTwo(async (first) => {
    const { error } = await settled(first.unlock({ position: 5, length: 5 }));
    expect(error !== undefined).toBe(isWindows);
  }));

const bad: [options: unknown, code: string][] = [
  [null, 'ERR_INVALID_ARG_TYPE'],
  [{ position: '0' }, 'ERR_INVALID_ARG_TYPE'],
  [{ position: -1 }, 'ERR_OUT_OF_RANGE'],
  [{ position: 1.5 }, 'ERR_OUT_OF_RANGE'],
  [{ position: 2n ** 63n }, 'ERR_OUT_OF_RANGE'],
  [{ length: 0 }, 'ERR_OUT_OF_RANGE'],
  [{ length: '5' }, 'ERR_INVALID_ARG_TYPE'],
  [{ exclusive: 1 }, 'ERR_INVALID_ARG_TYPE'],
  [{ wait: 'yes' }, 'ERR_INVALID_ARG_TYPE'],
  [{ signal: 5 }, 'ERR_INVALID_ARG_TYPE'],
];

test('invalid arguments of lock() have their code and submit nothing', async () => {
  const handle = await open(fileWith('content'), 'r+');
  const { submitted } = engine.stats();
  for (const [options, code] of bad) {
    expect(await rejection(handle.lock(options as LockOptions))).toMatchObject({ code });
  }
  expect(engine.stats().submitted).toBe(submitted);
  await handle.close();
  expect(await rejection(handle.lock())).toMatchObject({ code: 'EBADF' });
});
