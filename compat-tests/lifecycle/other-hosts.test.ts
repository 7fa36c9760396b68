import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { fileWith, packageFolder, randomBytes, resultOfChild } from '../helpers.js';

// Node that calls itself Bun: the package then does not use libuv's event loop, as in all programs
// that have none. `npm run test:package` runs the package in Bun and Deno.

const versions = "{ ...process.versions, bun: '0.0.0' }";
const pretence = `Object.defineProperty(process, 'versions', { value: ${versions} });`;
const preload = pathToFileURL(fileWith(pretence, 'pretence.mjs')).href;
const flags = [`--import=${preload}`];
const kind = process.env.OVERLAPPED_ENGINE;

test('operations of every kind complete without the event loop of libuv', async () => {
  const content = randomBytes(3_000_001);
  const script = `
    const { copy, createReadStream } = await import(${JSON.stringify(
      pathToFileURL(path.join(packageFolder, 'dist', 'index.js')).href,
    )});
    const handle = await open(argument);
    const reads = Array.from({ length: 500 }, (_, index) =>
      handle.read(Buffer.alloc(4096), { position: index * 4096 }));
    const lengths = (await Promise.all(reads)).map(({ bytesRead }) => bytesRead);
    await handle.close();
    let streamed = 0;
    for await (const chunk of createReadStream(argument)) streamed += chunk.length;
    const { verified } = await copy(argument, argument + '.copy', { verify: true });
    const code = await open(argument + '.none').catch((error) => error.code);
    const { inFlight } = engine.stats();
    console.log(JSON.stringify([
      engine.kind, new Set(lengths).size, streamed, verified, code, inFlight]));`;
  const result = await resultOfChild(script, { flags, args: [fileWith(content)] });
  expect(result).toEqual([kind, 1, content.length, true, 'ENOENT', 0]);
});

test('a loop of cached reads lets timers run without the event loop of libuv', async () => {
  const script = `
    const handle = await open(argument);
    let ticks = 0;
    setInterval(() => ticks++, 1).unref();
    // Node makes up to a thousand turns of a thread-safe function in one of its loop.
    while (ticks === 0) await handle.read(Buffer.alloc(4096), { position: 0 });
    await handle.close();
    console.log(JSON.stringify(ticks));`;
  const ticks = await resultOfChild(script, { flags, args: [fileWith('content')] });
  expect(ticks).toBeGreaterThan(0);
});

test('threads end by themselves and when terminated without the event loop of libuv', async () => {
  const script = `
    if (isMainThread) {
      const codes = [];
      for (const ending of ['itself', 'terminated']) {
        const options = { workerData: ending, argv: [argument] };
        const worker = new Worker(new URL(import.meta.url), options);
        const exit = once(worker, 'exit');
        await once(worker, 'message');
        if (ending === 'terminated') await worker.terminate();
        codes.push((await exit)[0]);
      }
      console.log(JSON.stringify([...codes, (await readFile(argument, 'utf8')).length]));
    } else {
      const handle = await open(argument);
      const buffer = Buffer.alloc(65536);
      const reads = Array.from({ length: 100 }, () => handle.read(buffer, { position: 0 }));
      parentPort.postMessage('started');
      await Promise.all(reads);
      if (workerData === 'terminated') await new Promise(() => setInterval(() => {}, 1000));
      await handle.close();
    }`;
  const result = await resultOfChild(script, { flags, args: [fileWith('content')] });
  expect(result).toEqual([0, 1, 7]);
});
