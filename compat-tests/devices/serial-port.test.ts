// Serial ports: baud rate, parity, stop bits (SetCommState) and timeouts (SetCommTimeouts).
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  openSerialPort,
  type SerialOptions,
  type SerialSettings,
  serialSettings,
  setSerialSettings,
} from '../../lib/devices/index.js';
import { AbortError, engine, type FileHandle, open } from '../../lib/index.js';
import { fileWith, isLinux, isWindows, rejection, settled, sleep, testWhere } from '../helpers.js';
import { hasSerialPair, type SerialPair, serialPair } from './serial-pair.js';

const testWithPair = testWhere(hasSerialPair, 'needs a pair of serial ports, which socat makes', {
  mustRun: true,
});
const testOnPosix = testWhere(
  hasSerialPair && !isWindows,
  'only there a terminal says what it did not take, and takes 1,000 reads',
);

const defaults: SerialSettings = {
  baudRate: 9600,
  dataBits: 8,
  parity: 'none',
  stopBits: 1,
  flowControl: 'none',
  readTimeoutMs: null,
  readIntervalMs: null,
};

let pair: SerialPair;

beforeAll(async () => {
  if (hasSerialPair) pair = await serialPair();
});
afterAll(() => pair?.end());

async function openBoth(options: SerialOptions = {}): Promise<[FileHandle, FileHandle]> {
  return Promise.all([openSerialPort(pair.one, options), openSerialPort(pair.other, options)]);
}

async function closeBoth(ports: FileHandle[]): Promise<void> {
  await Promise.all(ports.map((port) => port.close({ cancel: true })));
}

async function readExactly(port: FileHandle, size: number): Promise<Buffer> {
  const content = Buffer.alloc(size);
  for (let at = 0; at < size; ) at += (await port.read(content, at, size - at)).bytesRead;
  return content;
}

const settingsToTry: Partial<SerialSettings>[] = [
  {},
  { baudRate: 1200 },
  { baudRate: 19_200, stopBits: 2 },
  { baudRate: 57_600, flowControl: 'xonxoff' },
  { baudRate: 115_200, flowControl: 'rtscts' },
  ...(isLinux ? [{ baudRate: 250_000 }] : []),
];

for (const settings of settingsToTry) {
  testWithPair(`bytes go both ways with ${JSON.stringify(settings)}`, async () => {
    const [one, other] = await openBoth(settings);
    expect([one.deviceType, other.deviceType]).toEqual(['char', 'char']);
    expect(await serialSettings(one)).toEqual({ ...defaults, ...settings });
    await one.write('to the other');
    expect((await readExactly(other, 12)).toString()).toBe('to the other');
    await other.write('and back');
    expect((await readExactly(one, 8)).toString()).toBe('and back');
    await closeBoth([one, other]);
  });
}

testWithPair('every byte passes unchanged', async () => {
  const [one, other] = await openBoth();
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  await one.write(bytes);
  expect(await readExactly(other, 256)).toEqual(bytes);
  await closeBoth([one, other]);
});

testWithPair('a read that waits lets a write go, and gets the answer', async () => {
  const [one, other] = await openBoth();
  const answer = one.read(Buffer.alloc(10));
  await sleep(30);
  await one.write('ping');
  expect((await readExactly(other, 4)).toString()).toBe('ping');
  await other.write('pong');
  const { bytesRead, buffer } = await answer;
  expect('pong'.startsWith(buffer.toString('utf8', 0, bytesRead))).toBe(true);
  await closeBoth([one, other]);
});

testWithPair('a read for which nothing comes ends after readTimeoutMs with 0 bytes', async () => {
  const [one, other] = await openBoth({ readTimeoutMs: 300 });
  expect((await serialSettings(one)).readTimeoutMs).toBe(300);
  const begin = performance.now();
  expect((await one.read(Buffer.alloc(10))).bytesRead).toBe(0);
  expect(performance.now() - begin).toBeGreaterThan(250);
  await other.write('x');
  expect((await readExactly(one, 1)).toString()).toBe('x');
  await closeBoth([one, other]);
});

testWithPair('with readIntervalMs a read ends once no byte arrives for that long', async () => {
  const [one, other] = await openBoth({ readIntervalMs: 2000 });
  const [first, second] = ['in ', 'two parts'];
  let content = '';
  // A busy machine may take longer than that to bring the second part.
  for (let attempt = 0; attempt < 5 && content !== first + second; attempt++) {
    const read = one.read(Buffer.alloc(100));
    await other.write(first);
    await sleep(50);
    await other.write(second);
    const { bytesRead, buffer } = await read;
    content = buffer.toString('utf8', 0, bytesRead);
    if (content === first) await readExactly(one, second.length);
  }
  expect(content).toBe(first + second);
  await closeBoth([one, other]);
});

testWithPair('settings are changed one by one, and the others stay', async () => {
  const [one, other] = await openBoth({ baudRate: 19_200, stopBits: 2 });
  const changed = await setSerialSettings(one, { baudRate: 38_400, readTimeoutMs: 100 });
  const expected = { ...defaults, baudRate: 38_400, stopBits: 2, readTimeoutMs: 100 };
  expect(changed).toEqual(expected);
  expect(await serialSettings(one)).toEqual(expected);
  expect(await setSerialSettings(one, { readTimeoutMs: null })).toMatchObject({
    readTimeoutMs: null,
  });
  await closeBoth([one, other]);
});

testWithPair('reads that wait are cancelled once each, and the port serves on', async () => {
  const [one, other] = await openBoth();
  // A single round may pass by luck.
  for (let round = 0; round < 20; round++) {
    let settlements = 0;
    const reads = Array.from({ length: 200 }, () =>
      settled(one.read(Buffer.alloc(1))).finally(() => {
        settlements++;
      }),
    );
    await sleep(30);
    one.cancel();
    for (const { error } of await Promise.all(reads)) expect(error).toBeInstanceOf(AbortError);
    expect(settlements).toBe(200);
    await other.write('on');
    expect((await readExactly(one, 2)).toString()).toBe('on');
  }
  await closeBoth([one, other]);
});

testOnPosix('close({ cancel: true }) with 1,000 reads in flight, 100 times', async () => {
  for (let round = 0; round < 100; round++) {
    const port = await openSerialPort(pair.one);
    let settlements = 0;
    const reads = Array.from({ length: 1000 }, () =>
      settled(port.read(Buffer.alloc(1))).finally(() => {
        settlements++;
      }),
    );
    if (round % 2 === 1) await new Promise((resolve) => setImmediate(resolve));
    await port.close({ cancel: true });
    expect(settlements).toBe(1000);
    for (const { error } of await Promise.all(reads)) expect(error).toBeInstanceOf(AbortError);
  }
  expect(engine.stats().inFlight).toBe(0);
});

testWithPair('streams over a port', async () => {
  const [one, other] = await openBoth();
  one.createWriteStream().end('through a stream');
  let text = '';
  for await (const chunk of other.createReadStream({ encoding: 'utf8' })) {
    text += chunk;
    if (text.length >= 16) break;
  }
  expect(text).toBe('through a stream');
});

testOnPosix('a setting that a device does not take is EINVAL with its name', async () => {
  // A pseudoterminal always has 8 bits and no parity.
  const error = await rejection(openSerialPort(pair.one, { dataBits: 7, parity: 'even' }));
  expect(error).toMatchObject({ code: 'EINVAL', path: pair.one });
  expect(error.message).toContain('dataBits, parity');
});

test('a path that is not a serial port is rejected', async () => {
  const file = fileWith('no port');
  const error = await rejection(openSerialPort(file));
  expect(error.code).toBe('ENXIO');
  const handle = await open(file);
  expect((await rejection(serialSettings(handle))).code).toMatch(/^(ENOTTY|EINVAL|EISDIR|EBADF)$/);
  await handle.close();
});

test('arguments are checked before anything is submitted', async () => {
  const openPort = openSerialPort as (...args: unknown[]) => Promise<unknown>;
  const cases: [Promise<unknown>, string][] = [
    [openPort(5), 'ERR_INVALID_ARG_TYPE'],
    [openPort('COM1', 5), 'ERR_INVALID_ARG_TYPE'],
    [openPort('COM1', { baudRate: 0 }), 'ERR_OUT_OF_RANGE'],
    [openPort('COM1', { baudRate: '9600' }), 'ERR_INVALID_ARG_TYPE'],
    [openPort('COM1', { dataBits: 9 }), 'ERR_INVALID_ARG_VALUE'],
    [openPort('COM1', { parity: 'maybe' }), 'ERR_INVALID_ARG_VALUE'],
    [openPort('COM1', { stopBits: 3 }), 'ERR_INVALID_ARG_VALUE'],
    [openPort('COM1', { flowControl: true }), 'ERR_INVALID_ARG_VALUE'],
    [openPort('COM1', { readTimeoutMs: -1 }), 'ERR_OUT_OF_RANGE'],
    [openPort('COM1', { readIntervalMs: 0 }), 'ERR_OUT_OF_RANGE'],
    [openPort('COM1', { signal: {} }), 'ERR_INVALID_ARG_TYPE'],
  ];
  if (!isWindows) {
    const both = { readTimeoutMs: 100, readIntervalMs: 100 };
    cases.push([openPort('COM1', both), 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM']);
  }
  for (const [promise, code] of cases) expect((await rejection(promise)).code).toBe(code);
});
