// Mailslot servers and clients (CreateMailslot, the read timeout of SetMailslotInfo, reads of whole
// messages).
import { expect, test } from 'vitest';
import {
  createMailslot,
  mailslotStatus,
  openMailslot,
  setMailslotTimeout,
} from '../../lib/devices/index.js';
import { AbortError, type FileHandle } from '../../lib/index.js';
import { isWindows, rejection, resultOfChild, settled, sleep, testWhere } from '../helpers.js';
import { devicesUrl, isWine, newPipeName } from './device-names.js';

const testOnWindows = testWhere(isWindows, 'other systems have no mailslots');
const testWithoutWine = testWhere(isWindows && !isWine, 'Wine ends no read of a mailslot');

async function readMessage(mailslot: FileHandle, size = 100): Promise<string> {
  const { bytesRead, buffer } = await mailslot.read(Buffer.alloc(size));
  return buffer.toString('utf8', 0, bytesRead);
}

testOnWindows('messages of another process come one by one, and are counted', async () => {
  const name = newPipeName();
  const mailslot = await createMailslot(name, { messageSizeMax: 500 });
  expect(mailslot.deviceType).toBe('unknown');
  const empty = { messageSizeMax: 500, readTimeoutMs: Infinity, messages: 0, nextSize: null };
  expect(await mailslotStatus(mailslot)).toEqual(empty);
  const script = `
    const { openMailslot } = await import(process.argv[2]);
    const mailslot = await openMailslot(process.argv[3]);
    await mailslot.write('first');
    await mailslot.write('second one');
    await mailslot.write('third');
    await mailslot.close();
    console.log(JSON.stringify('sent'));
  `;
  expect(await resultOfChild<string>(script, { args: [devicesUrl, name] })).toBe('sent');
  const { messages, nextSize } = await mailslotStatus(mailslot);
  // Wine counts only the first message.
  expect([1, 3]).toContain(messages);
  expect(nextSize).toBe(5);
  expect(await readMessage(mailslot)).toBe('first');
  expect(await readMessage(mailslot, 10)).toBe('second one');
  expect(await readMessage(mailslot)).toBe('third');
  await mailslot.close();
});

testOnWindows('a read waits for a message, or as long as the mailslot says', async () => {
  const name = newPipeName();
  const mailslot = await createMailslot(name, { readTimeoutMs: 100 });
  const begin = performance.now();
  expect((await rejection(mailslot.read(Buffer.alloc(10)))).code).toBe('ETIMEDOUT');
  expect(performance.now() - begin).toBeGreaterThan(90);
  await setMailslotTimeout(mailslot, Infinity);
  expect((await mailslotStatus(mailslot)).readTimeoutMs).toBe(Infinity);
  const waiting = readMessage(mailslot);
  await sleep(200);
  const client = await openMailslot(name);
  await client.write('at last');
  expect(await waiting).toBe('at last');
  await Promise.all([mailslot.close(), client.close()]);
});

testOnWindows('reads that wait time out once each, and the mailslot serves on', async () => {
  const name = newPipeName();
  const mailslot = await createMailslot(name, { readTimeoutMs: 50 });
  let settlements = 0;
  const reads = Array.from({ length: 20 }, () =>
    settled(mailslot.read(Buffer.alloc(10))).finally(() => {
      settlements++;
    }),
  );
  for (const { error } of await Promise.all(reads)) expect(error?.code).toBe('ETIMEDOUT');
  expect(settlements).toBe(20);
  const client = await openMailslot(name);
  await client.write('on');
  expect(await readMessage(mailslot)).toBe('on');
  await Promise.all([mailslot.close(), client.close()]);
});

testWithoutWine('1,000 reads that wait are cancelled, and the mailslot serves on', async () => {
  const name = newPipeName();
  const mailslot = await createMailslot(name);
  const reads = Array.from({ length: 1000 }, () => settled(mailslot.read(Buffer.alloc(10))));
  await sleep(20);
  mailslot.cancel();
  for (const { error } of await Promise.all(reads)) expect(error).toBeInstanceOf(AbortError);
  const client = await openMailslot(name);
  await client.write('on');
  expect(await readMessage(mailslot)).toBe('on');
  const small = rejection(mailslot.read(Buffer.alloc(1)));
  await client.write('more than one byte');
  expect(await small).toMatchObject({ code: 'EINVAL', win32Error: 122 });
  await Promise.all([mailslot.close(), client.close()]);
});

testOnWindows('streams over a mailslot: each chunk is a message', async () => {
  const name = newPipeName();
  const mailslot = await createMailslot(name, { readTimeoutMs: 500 });
  const output = (await openMailslot(name)).createWriteStream();
  output.write('one');
  output.end('two');
  const messages: string[] = [];
  const input = mailslot.createReadStream({ encoding: 'utf8' });
  for await (const chunk of input) {
    messages.push(chunk);
    if (messages.join('') === 'onetwo') break;
  }
  expect(messages.join('')).toBe('onetwo');
  if (!input.closed) await new Promise<void>((resolve) => input.once('close', resolve));
});

testOnWindows('a name that is taken, and an unused name', async () => {
  const name = newPipeName();
  const mailslot = await createMailslot(name);
  expect((await rejection(createMailslot(name))).code).toBe('EEXIST');
  await mailslot.close();
  expect((await rejection(openMailslot(name))).code).toBe('ENOENT');
});

test('arguments are checked before anything is submitted, and before the platform', async () => {
  const create = createMailslot as (...args: unknown[]) => Promise<unknown>;
  const cases: [Promise<unknown>, string][] = [
    [create(5), 'ERR_INVALID_ARG_TYPE'],
    [create(''), 'ERR_INVALID_ARG_VALUE'],
    [create('x', 5), 'ERR_INVALID_ARG_TYPE'],
    [create('x', { messageSizeMax: -1 }), 'ERR_OUT_OF_RANGE'],
    [create('x', { readTimeoutMs: -1 }), 'ERR_OUT_OF_RANGE'],
    [create('x', { readTimeoutMs: '1' }), 'ERR_INVALID_ARG_TYPE'],
  ];
  const missing = 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM';
  if (!isWindows) cases.push([create('x'), missing], [openMailslot('x'), missing]);
  for (const [promise, code] of cases) expect((await rejection(promise)).code).toBe(code);
});
