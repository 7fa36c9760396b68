import { expect, test } from 'vitest';
import { fileWith, resultOfChild, temporaryFolder } from '../helpers.js';

const threads = 4;

test('several threads do verified I/O concurrently, each on its own engine', async () => {
  const script = `
    const blockSize = 8192;
    const blocks = 256;
    async function verify(file, seed) {
      const handle = await open(file, 'w+');
      const lanes = Array.from({ length: 32 }, async (_, lane) => {
        for (let block = lane; block < blocks; block += 32) {
          const data = Buffer.alloc(blockSize, seed + ':' + block + ';');
          await handle.write(data, 0, blockSize, block * blockSize);
          const { bytesRead, buffer } =
            await handle.read(Buffer.alloc(blockSize), 0, blockSize, block * blockSize);
          if (bytesRead !== blockSize || !buffer.equals(data)) throw new Error('block ' + block);
        }
      });
      await Promise.all(lanes);
      const whole = await readFile(file);
      for (let block = 0; block < blocks; block++) {
        const data = Buffer.alloc(blockSize, seed + ':' + block + ';');
        const found = whole.subarray(block * blockSize, (block + 1) * blockSize);
        if (!found.equals(data)) throw new Error('block ' + block + ' of the whole');
      }
      await handle.close();
      return { bytes: whole.length, kind: engine.kind, inFlight: engine.stats().inFlight };
    }
    if (isMainThread) {
      const workers = Array.from({ length: ${threads} }, (_, i) =>
        new Worker(new URL(import.meta.url), { workerData: { folder: argument, i } }));
      const own = verify(path.join(argument, 'main'), 'main');
      const results = await Promise.all(workers.map(async (worker) => {
        const [[message], [code]] = await Promise.all([
          once(worker, 'message'), once(worker, 'exit'),
        ]);
        return { ...message, code };
      }));
      console.log(JSON.stringify([{ ...await own, code: 0 }, ...results]));
    } else {
      const file = path.join(workerData.folder, 'file' + workerData.i);
      parentPort.postMessage(await verify(file, 'thread' + workerData.i));
    }`;
  const results = await resultOfChild(script, { args: [temporaryFolder()] });
  const expected = {
    bytes: 256 * 8192,
    kind: process.env.OVERLAPPED_ENGINE,
    inFlight: 0,
    code: 0,
  };
  expect(results).toEqual(new Array(threads + 1).fill(expected));
});

test('threads that start and end do not affect the engine of the main thread', async () => {
  const script = `
    if (isMainThread) {
      const handle = await open(argument);
      let reads = 0;
      let more = true;
      const reading = (async () => {
        while (more) {
          const { bytesRead, buffer } = await handle.read(Buffer.alloc(16), 0, 16, 0);
          if (buffer.toString('utf8', 0, bytesRead) !== 'content') throw new Error('wrong data');
          reads++;
        }
      })();
      let good = 0;
      for (let round = 0; round < 10; round++) {
        const worker = new Worker(new URL(import.meta.url), { argv: [argument] });
        const [[message]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
        if (message === 'content') good++;
      }
      more = false;
      await reading;
      await handle.close();
      console.log(JSON.stringify({ good, read: reads > 0 }));
    } else {
      parentPort.postMessage(await readFile(argument, 'utf8'));
    }`;
  const result = await resultOfChild(script, { args: [fileWith('content')] });
  expect(result).toEqual({ good: 10, read: true });
});
