import fsPromises from 'node:fs/promises';
import { open } from '../dist/index.js';
import { measureInRounds, medianOf, ratioOf } from './lib/measure.mjs';
import { promiseRun } from './lib/read-lanes.mjs';
import { printTable, shown } from './lib/table.mjs';

/** 64 cached reads of 1 MiB kept in flight: does the event loop still turn? */
export const title = 'large-read';
export const fileSize = { full: 256 * 1024 * 1024, quick: 64 * 1024 * 1024 };
export const settings = {
  full: { rounds: 5, durationMs: 1000 },
  quick: { rounds: 2, durationMs: 300 },
};

const depth = 64;
const length = 1024 * 1024;

/** Measures with the engine of this process. */
export async function run({ path, size }, options) {
  const ours = await open(path, 'r');
  const node = await fsPromises.open(path, 'r');
  const buffers = Array.from({ length: depth }, () => Buffer.alloc(length));
  const subject = { fileSize: size, buffers };
  const peers = [
    { name: 'overlapped', run: promiseRun(ours, subject) },
    { name: 'node:fs/promises', run: promiseRun(node, subject) },
  ];
  const results = await measureInRounds(peers, options);
  await node.close();
  await ours.close();
  return { peers: results };
}

export function print({ peers }) {
  console.log(`\n${title}, cached, 1 MiB, ${depth} in flight`);
  const [, node] = peers;
  const rows = peers.map(({ name, samples }) => [
    name,
    shown((medianOf(samples, 'perSecond') * length) / 1e9),
    shown(ratioOf(samples, node.samples), 2, 'x'),
    shown(medianOf(samples, 'cpuUs'), 0),
    shown(medianOf(samples, 'delayMs'), 2, ' ms'),
  ]);
  printTable(['', 'GB/s', 'x promises', 'CPU us', 'delay p99'], rows);
}

// Shorter delays cannot be told apart, least of all by the timer that measures them.
const delayFloorMs = 0.1;

/** The figures that an engine must reach. */
export function checks({ peers: [ours, node] }, engineKind) {
  // An event loop that does not turn returns no sample: it was blocked all the time.
  const [ourDelay, nodeDelay] = [ours, node].map(({ samples }) =>
    Math.max(delayFloorMs, medianOf(samples, 'delayMs') ?? Number.POSITIVE_INFINITY),
  );
  const what = `${engineKind}, event-loop delay p99 against node:fs/promises, ${title}`;
  return [{ what, value: ourDelay / nodeDelay, limit: 2, atMost: true }];
}
