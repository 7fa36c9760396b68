import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect } from 'vitest';
import { canMakeDisks, LoopDevice } from '../alignment/loop-device.js';
import {
  distUrl,
  isLinux,
  makeFifo,
  randomBytes,
  resultOfChild,
  testWhere,
  unbufferedFolder,
} from '../helpers.js';
import { buildDenyCall, hasCompiler } from './deny-call.js';

const MiB = 1024 * 1024;
const because = 'a seccomp filter, built by cc, hides what older systems lack';
const test = testWhere(hasCompiler, because, { mustRun: isLinux });
const testDevice = testWhere(hasCompiler && canMakeDisks, `${because}; devices need root`, {
  mustRun: isLinux,
});

const denyCall = buildDenyCall();

/** Writes and reads with the alignment that the handle reports. */
const transfer = `
  const { allocAligned } = await import(${JSON.stringify(distUrl('index.js'))});
  const handle = await open(argument, 'r+', { unbuffered: true });
  const { alignment } = handle;
  const { position } = alignment;
  const written = allocAligned(position).fill('content ');
  const read = allocAligned(position);
  await handle.write(written, { position });
  await handle.read(read, { position });
  const refused = await handle.read(read, { position: position / 2 }).catch(({ code }) => code);
  await handle.close();
  console.log(JSON.stringify({ alignment, isEqual: read.equals(written), refused }));`;

test('the alignment of files is 4096 where Linux reports none (before 6.1)', async () => {
  const file = path.join(await unbufferedFolder(), 'file');
  fs.writeFileSync(file, randomBytes(MiB));
  const options = { launcher: [denyCall(), 'dioalign'], args: [file] };
  expect(await resultOfChild(transfer, options)).toEqual({
    alignment: { position: 4096, length: 4096, memory: 4096 },
    isEqual: true,
    refused: 'ERR_UNALIGNED',
  });
});

for (const size of [512, 4096]) {
  testDevice(`there that of a device is its sector of ${size} bytes`, async () => {
    const device = new LoopDevice(MiB, size);
    try {
      const options = { launcher: [denyCall(), 'dioalign'], args: [device.path] };
      expect(await resultOfChild(transfer, options)).toEqual({
        alignment: { position: size, length: size, memory: size },
        isEqual: true,
        refused: 'ERR_UNALIGNED',
      });
    } finally {
      device.remove();
    }
  });
}

test('dontCache works where the system knows no preadv2() and pwritev2()', async () => {
  const script = `
    const { copy } = await import(${JSON.stringify(distUrl('index.js'))});
    const handle = await open(argument, 'w+', { dontCache: true });
    await handle.write('one ');
    await handle.write('two ', 4);
    await handle.writev([Buffer.from('three '), Buffer.from('four')], 8);
    const read = await handle.read(Buffer.alloc(7), { position: 4 });
    const vectors = await handle.readv([Buffer.alloc(4), Buffer.alloc(9)], 0);
    await handle.close();
    const text = await readFile(argument, { encoding: 'utf8', dontCache: true });
    const report = await copy(argument, argument + '.copy', { dontCache: true, verify: true });
    console.log(JSON.stringify([String(read.buffer), vectors.bytesRead, text, report.verified]));`;
  const launcher = [denyCall(), 'preadv2', denyCall(), 'pwritev2'];
  const options = { launcher, args: [path.join(await unbufferedFolder(), 'file')] };
  const text = 'one two three four';
  expect(await resultOfChild(script, options)).toEqual(['two thr', 13, text, true]);
});

test('an open that waits is canceled where the last signal cannot be sent', async () => {
  const script = `
    const stop = new AbortController();
    const opened = open(argument, 'r', { signal: stop.signal }).catch(({ name }) => name);
    await sleep(50);
    stop.abort();
    console.log(JSON.stringify(await opened));`;
  const options = { launcher: [denyCall(), 'last-signal'], args: [makeFifo()], msMax: 60_000 };
  expect(await resultOfChild(script, options)).toBe('AbortError');
});

const fincore = '/usr/bin/fincore';
const cacheTest = testWhere(
  hasCompiler && fs.existsSync(fincore),
  `${because}; fincore shows what is cached`,
);

cacheTest('there a read at the cursor leaves nothing in the cache, either', async () => {
  const file = path.join(await unbufferedFolder(), 'file');
  const size = 4 * MiB;
  const descriptor = fs.openSync(file, 'w');
  fs.writeSync(descriptor, randomBytes(size));
  fs.fsyncSync(descriptor);
  fs.closeSync(descriptor);
  execFileSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none']);
  const script = `
    const handle = await open(argument, 'r', { dontCache: true });
    console.log((await handle.readFile()).byteLength);
    await handle.close();`;
  const launcher = [denyCall(), 'preadv2', denyCall(), 'pwritev2'];
  expect(await resultOfChild(script, { launcher, args: [file] })).toBe(size);
  const cached = execFileSync(fincore, ['-b', '-n', '-o', 'RES', file], { encoding: 'utf8' });
  expect(Number(cached)).toBeLessThan(size / 2);
});
