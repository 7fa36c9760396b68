import { expect, test } from 'vitest';
import { fileWith, inAttempts, isWindows, randomBytes, resultOfChild } from '../helpers.js';

// Under Wine an open takes a hundred times as long.
const opensMax = isWindows ? 2_000 : 100_000;
const readsMax = isWindows ? 50_000 : 1_000_000;
const growthMax = 32 * 1024 * 1024;

interface Usage {
  descriptors: number;
  rss: number;
}

const usage = `
  async function usage() {
    for (let i = 0; i < 4; i++) {
      gc();
      await turn();
    }
    const descriptors =
      process.platform === 'linux' ? fs.readdirSync('/proc/self/fd').length : 0;
    return { descriptors, rss: process.memoryUsage.rss() };
  }
  async function inLanes(count, lanes, run) {
    let next = 0;
    await Promise.all(Array.from({ length: lanes }, async () => {
      while (next < count) await run(next++);
    }));
  }`;

function measured(work: string, count: number): string {
  return `${usage}
    ${work}
    await work(${count / 10});
    const before = await usage();
    await work(${count});
    const after = await usage();
    console.log(JSON.stringify({ before, after, inFlight: engine.stats().inFlight }));`;
}

async function expectNoGrowth(script: string, file: string): Promise<void> {
  const options = { flags: ['--expose-gc'], args: [file] };
  // A leak grows in every process, and what Node keeps for itself only in some.
  await inAttempts(async () => {
    const result = await resultOfChild<{ before: Usage; after: Usage; inFlight: number }>(
      script,
      options,
    );
    const { before, after, inFlight } = result;
    expect(inFlight).toBe(0);
    expect(after.descriptors).toBe(before.descriptors);
    expect(after.rss - before.rss).toBeLessThan(growthMax);
  }, 3);
}

test(`${opensMax} opens and closes leak no descriptors and no memory`, async () => {
  const work = `
      const work = (count) => inLanes(count, 16, async () => {
        const handle = await open(argument);
        await handle.close();
      });`;
  await expectNoGrowth(measured(work, opensMax), fileWith('content'));
});

test(`${readsMax} reads leak no descriptors and no memory`, async () => {
  const work = `
      const work = async (count) => {
        const handle = await open(argument);
        const buffers = Array.from({ length: 64 }, () => Buffer.alloc(4096));
        await inLanes(count, 64, (i) =>
          handle.read(buffers[i % 64], 0, 4096, i % 256 * 4096));
        await handle.close();
      };`;
  await expectNoGrowth(measured(work, readsMax), fileWith(randomBytes(256 * 4096)));
});

test('failed and aborted operations leak no descriptors and no memory', async () => {
  const work = `
      const work = (count) => inLanes(count, 16, async (i) => {
        await open(argument + '.missing').catch(() => {});
        await readFile(argument, { encoding: 'latin1' });
        const controller = new AbortController();
        const opening = open(argument, 'r', { signal: controller.signal });
        if (i % 2) controller.abort();
        await opening.then((handle) => handle.close(), () => {});
      });`;
  await expectNoGrowth(measured(work, opensMax / 5), fileWith('content'));
});
