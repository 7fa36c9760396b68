import { expect, test } from 'vitest';
import {
  fileWith,
  isLinux,
  makeFifo,
  randomBytes,
  resultOfChild,
  testWhere,
  testWithFifo,
} from '../helpers.js';

const flags = ['--expose-gc'];

// A WeakRef that has been read keeps its target until the end of the turn, so gc() comes first.
const collectUntil = `
  async function collectUntil(condition) {
    for (let i = 0; i < 500; i++) {
      await sleep(2);
      gc();
      if (condition()) return true;
    }
    return false;
  }`;

test('collecting an open handle warns with DEP0137', async () => {
  const script = `${collectUntil}
    const warnings = [];
    process.on('warning', (warning) => warnings.push(warning));
    await (async () => void await open(argument))();
    const warned = await collectUntil(() => warnings.some(({ code }) => code === 'DEP0137'));
    const { name } = warnings.find(({ code }) => code === 'DEP0137') ?? {};
    console.log(JSON.stringify({ warned, name }));`;
  const result = await resultOfChild(script, { flags, args: [fileWith('content')] });
  expect(result).toEqual({ warned: true, name: 'DeprecationWarning' });
});

testWhere(isLinux, 'descriptors are counted under /proc')(
  'a handle that is collected closes its descriptor',
  async () => {
    const script = `${collectUntil}
      process.removeAllListeners('warning');
      const count = () => fs.readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return fs.readlinkSync('/proc/self/fd/' + fd) === argument;
        } catch {
          return false;
        }
      }).length;
      const opened = await (async () => {
        const handles = await Promise.all(Array.from({ length: 20 }, () => open(argument)));
        const descriptors = count();
        return [handles.length, descriptors];
      })();
      const closed = await collectUntil(() => count() === 0);
      console.log(JSON.stringify({ opened, closed }));`;
    const result = await resultOfChild(script, { flags, args: [fileWith('content')] });
    expect(result).toEqual({ opened: [20, 20], closed: true });
  },
);

test('collecting a closed handle does not warn', async () => {
  const script = `${collectUntil}
    const warnings = [];
    process.on('warning', (warning) => warnings.push(warning.message));
    const reference = await (async () => {
      const handle = await open(argument);
      await handle.read(Buffer.alloc(4));
      await handle.close();
      return new WeakRef(handle);
    })();
    const collected = await collectUntil(() => reference.deref() === undefined);
    await sleep(20);
    console.log(JSON.stringify({ collected, warnings }));`;
  const result = await resultOfChild(script, { flags, args: [fileWith('content')] });
  expect(result).toEqual({ collected: true, warnings: [] });
});

testWithFifo('a read in flight keeps its buffer and handle alive, then lets them go', async () => {
  const script = `${collectUntil}
    const writer = fs.openSync(argument, 'r+');
    let result;
    const references = await (async () => {
      const handle = await open(argument, 'r+');
      const buffer = Buffer.allocUnsafeSlow(4096);
      handle.read(buffer, 0, 4096).then(async ({ bytesRead, buffer }) => {
        result = buffer.toString('utf8', 0, bytesRead);
      });
      return { handle: new WeakRef(handle), memory: new WeakRef(buffer.buffer) };
    })();
    for (let i = 0; i < 100; i++) {
      gc();
      // Allocations that would reuse freed memory.
      Array.from({ length: 50 }, () => Buffer.allocUnsafeSlow(4096).fill(255));
      await turn();
    }
    const alive = Object.values(references).every((reference) => reference.deref());
    fs.writeSync(writer, 'the data');
    while (result === undefined) await turn();
    const handle = references.handle.deref();
    await handle?.close();
    const memoryFreed = await collectUntil(() => references.memory.deref() === undefined);
    console.log(JSON.stringify({ alive, result, hadHandle: Boolean(handle), memoryFreed }));`;
  const result = await resultOfChild(script, { flags, args: [makeFifo()] });
  expect(result).toEqual({ alive: true, result: 'the data', hadHandle: true, memoryFreed: true });
});

test('reads whose buffers and handles are dropped have the right data', async () => {
  const script = `
    process.removeAllListeners('warning');
    const content = fs.readFileSync(argument);
    const size = 65536;
    let right = 0;
    for (let round = 0; round < 20; round++) {
      const results = await (async () => {
        const handle = await open(argument);
        return Array.from({ length: 64 }, (_, i) => {
          const position = i % 16 * size;
          return handle.read(Buffer.allocUnsafeSlow(size), 0, size, position).then(
            ({ bytesRead, buffer }) => bytesRead === size
              && buffer.equals(content.subarray(position, position + size)));
        });
      })();
      gc();
      Array.from({ length: 64 }, () => Buffer.allocUnsafeSlow(size).fill(255));
      await turn();
      gc();
      right += (await Promise.all(results)).filter(Boolean).length;
    }
    console.log(JSON.stringify(right));`;
  const args = [fileWith(randomBytes(16 * 65536))];
  expect(await resultOfChild(script, { flags, args })).toBe(20 * 64);
});

test('writes whose buffers are dropped write the right data under collection', async () => {
  const script = `
    const size = 65536;
    const handle = await open(argument, 'w+');
    for (let round = 0; round < 10; round++) {
      const writes = Array.from({ length: 64 }, (_, i) =>
        handle.write(Buffer.allocUnsafeSlow(size).fill(i + 1), 0, size, i * size));
      gc();
      Array.from({ length: 64 }, () => Buffer.allocUnsafeSlow(size).fill(255));
      await turn();
      gc();
      await Promise.all(writes);
    }
    await handle.close();
    const content = fs.readFileSync(argument);
    const right = Array.from({ length: 64 }, (_, i) =>
      content.subarray(i * size, (i + 1) * size).every((byte) => byte === i + 1));
    console.log(JSON.stringify(right.filter(Boolean).length));`;
  expect(await resultOfChild(script, { flags, args: [fileWith('')] })).toBe(64);
});

test('a signal that outlives its reads does not keep their buffers', async () => {
  const script = `${collectUntil}
    const { signal } = new AbortController();
    const handle = await open(argument);
    const reference = await (async () => {
      const { buffer } = await handle.read(Buffer.allocUnsafeSlow(4096), { position: 0, signal });
      return new WeakRef(buffer.buffer);
    })();
    const collected = await collectUntil(() => reference.deref() === undefined);
    await handle.close();
    console.log(JSON.stringify({ collected, aborted: signal.aborted }));`;
  const result = await resultOfChild(script, { flags, args: [fileWith('content')] });
  expect(result).toEqual({ collected: true, aborted: false });
});
