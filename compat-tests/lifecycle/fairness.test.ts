import { once } from 'node:events';
import * as net from 'node:net';
import { expect, test } from 'vitest';
import { open } from '../../lib/index.js';
import { fileWith, inAttempts, randomBytes, sleep } from '../helpers.js';

interface Pace {
  ticks: number;
  echoes: number;
  /** The share of one processor that the process received, at most 1. */
  share: number;
}

const measuredMs = 500;
const intervalMs = 5;
// A starved interval would not tick at all. Reading may halve its rate or more. On a busy machine a
// reading process also gets less time than a waiting one, so the bound depends on its share.
const tickFactor = 5;
// Each echo takes two turns of the event loop. A turn with its share of reads takes up to some
// milliseconds; an idle one takes microseconds.
const echoFactor = 500;

/** Measures until the bounds hold once; other programs can take most of a moment. */
async function expectFair(
  loops: ((isOver: () => boolean) => Promise<void>)[],
  name: string,
): Promise<void> {
  await inAttempts(async () => {
    const idle = await measure();
    const busy = await measureBeside(loops);
    console.log(`${name}; idle:`, idle, 'beside the reads:', busy);
    expect(busy.ticks).toBeGreaterThan((idle.ticks * busy.share) / tickFactor);
    expect(busy.echoes).toBeGreaterThan((idle.echoes * busy.share) / echoFactor);
  });
}

/** Opens a loopback connection whose ends answer each other continuously. */
async function startEcho(count: () => void): Promise<() => Promise<void>> {
  const server = net.createServer((socket) => {
    socket.on('data', (data) => socket.write(data));
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  client.on('error', () => {});
  client.on('data', (data) => {
    count();
    client.write(data);
  });
  await once(client, 'connect');
  client.write('ping');
  return async () => {
    client.destroy();
    server.close();
    await once(server, 'close');
  };
}

async function measure(): Promise<Pace> {
  const pace: Pace = { ticks: 0, echoes: 0, share: 0 };
  const stop = await startEcho(() => pace.echoes++);
  const timer = setInterval(() => pace.ticks++, intervalMs);
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  await sleep(measuredMs);
  const { user, system } = process.cpuUsage(cpuBefore);
  pace.share = Math.min(1, (user + system) / 1000 / (performance.now() - started));
  clearInterval(timer);
  await stop();
  return pace;
}

async function measureBeside(loops: ((isOver: () => boolean) => Promise<void>)[]): Promise<Pace> {
  let over = false;
  const running = loops.map((loop) => loop(() => over));
  const pace = await measure();
  over = true;
  await Promise.all(running);
  return pace;
}

const fileSize = 8 * 1024 * 1024;

interface Load {
  size: number;
  lanes: number;
  /** How long the program works on each result. */
  workUs?: number;
}

const loads: Record<string, Load> = {
  'a loop of cached 4 KiB reads': { size: 4096, lanes: 1 },
  '64 loops of cached 4 KiB reads': { size: 4096, lanes: 64 },
  '16 loops of cached 1 MiB reads': { size: 1024 * 1024, lanes: 16 },
  'a loop that works 100 us on each cached read': { size: 4096, lanes: 1, workUs: 100 },
};

function work(us: number): void {
  const end = performance.now() + us / 1000;
  while (performance.now() < end);
}

for (const [name, { size, lanes, workUs }] of Object.entries(loads)) {
  test(`${name} does not starve an interval and a loopback socket`, async () => {
    const handle = await open(fileWith(randomBytes(fileSize)));
    let reads = 0;
    let shortReads = 0;
    const loop = async (isOver: () => boolean): Promise<void> => {
      const buffer = Buffer.alloc(size);
      for (let i = 0; !isOver(); i++) {
        const { bytesRead } = await handle.read(buffer, 0, size, (i * size) % fileSize);
        if (workUs) work(workUs);
        if (bytesRead !== size) shortReads++;
        reads++;
      }
    };
    await expectFair(new Array(lanes).fill(loop), name);
    await handle.close();
    expect(shortReads).toBe(0);
    expect(reads).toBeGreaterThan(0);
  });
}

const atCursor = 'a loop of cached reads at the cursor';
test(`${atCursor} does not starve an interval`, async () => {
  const handle = await open(fileWith(randomBytes(4096)));
  const buffer = Buffer.alloc(0x1000);
  const loop = async (isOver: () => boolean): Promise<void> => {
    while (!isOver()) await handle.read(buffer);
  };
  await expectFair([loop], atCursor);
  await handle.close();
});

test('timers fire while a loop awaits one short operation of workers after another', async () => {
  await using handle = await open(fileWith('content'), 'r+');
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  // Each truncation takes at least one turn of the event loop, so few bring the first tick.
  for (let i = 0; ticks < 5 && i < 1_000_000; i++) await handle.truncate(i % 7);
  clearInterval(timer);
  expect(ticks).toBeGreaterThanOrEqual(5);
});
