import { constants } from 'node:fs';
import fsPromises from 'node:fs/promises';
import { allocAligned, open } from '../dist/index.js';
import { blockSize, nodeOpensUnbuffered } from './lib/bench-file.mjs';
import { measureInRounds, medianOf, ratioOf } from './lib/measure.mjs';
import { callbackRun, promiseRun, syncRun } from './lib/read-lanes.mjs';
import { printTable, shown } from './lib/table.mjs';

/** Reads of 4 KiB at random places of a file, through the cache and past it. */
export const title = 'random-read';
export const fileSize = { full: 256 * 1024 * 1024, quick: 64 * 1024 * 1024 };
export const settings = {
  full: { rounds: 5, durationMs: 250, depths: [1, 16, 64, 256] },
  quick: { rounds: 2, durationMs: 60, depths: [1, 16, 64, 256] },
};

const names = {
  overlapped: 'overlapped',
  promises: 'node:fs/promises',
  callback: 'node:fs callback',
  sync: 'node:fs readSync',
};

/** Measures with the engine of this process. */
export async function run({ path, size }, options) {
  const modes = [await runMode('cached', path, size, options)];
  const unbuffered = await runMode('unbuffered', path, size, options);
  if (unbuffered !== undefined) modes.push(unbuffered);
  return { modes };
}

async function runMode(mode, path, size, options) {
  const unbuffered = mode === 'unbuffered';
  const ours = await open(path, 'r', { unbuffered: unbuffered ? 'prefer' : false });
  if (unbuffered && ours.alignment === null) {
    await ours.close();
    return undefined;
  }
  const nodeTakesPart = !unbuffered || (await nodeOpensUnbuffered(path));
  const flags = constants.O_RDONLY | (unbuffered ? constants.O_DIRECT : 0);
  const node = nodeTakesPart ? await fsPromises.open(path, flags) : undefined;
  const depths = [];
  for (const depth of options.depths) {
    const subject = { fileSize: size, buffers: Array.from({ length: depth }, allocBlock) };
    const peers = [{ name: names.overlapped, run: promiseRun(ours, subject) }];
    if (node !== undefined) {
      peers.push({ name: names.promises, run: promiseRun(node, subject) });
      peers.push({ name: names.callback, run: callbackRun(node.fd, subject) });
      if (depth === 1 || (depth === 64 && !unbuffered)) {
        peers.push({ name: names.sync, run: syncRun(node.fd, subject) });
      }
    }
    depths.push({ depth, peers: await measureInRounds(peers, options) });
  }
  await node?.close();
  await ours.close();
  return { mode, depths };
}

// Aligned for reads past the cache; through the cache it makes no difference.
function allocBlock() {
  return allocAligned(blockSize);
}

function samplesOf(peers, name) {
  return peers.find((peer) => peer.name === name)?.samples;
}

export function print({ modes }) {
  for (const { mode, depths } of modes) {
    console.log(`\n${title}, ${mode}, 4 KiB`);
    const header = [
      'in flight',
      '',
      'M reads/s',
      'x promises',
      'x callback',
      'CPU us',
      'delay p99',
    ];
    const rows = depths.flatMap(({ depth, peers }) =>
      peers.map(({ name, samples }, index) => [
        name === names.sync ? 'sync' : index === 0 ? depth : '',
        name.padEnd(names.callback.length),
        shown(medianOf(samples, 'perSecond') / 1e6, 3),
        ratioTo(peers, samples, names.promises),
        ratioTo(peers, samples, names.callback),
        shown(medianOf(samples, 'cpuUs')),
        shown(medianOf(samples, 'delayMs'), 2, ' ms'),
      ]),
    );
    printTable(header, rows);
  }
}

function ratioTo(peers, samples, name) {
  const others = samplesOf(peers, name);
  return others === undefined ? '-' : shown(ratioOf(samples, others), 2, 'x');
}

/** The figures that an engine must reach. */
export function checks({ modes }, engineKind) {
  const wanted =
    engineKind === 'threadpool'
      ? [['cached', 64, names.promises, 3]]
      : [
          ['cached', 64, names.promises, 6],
          ['cached', 1, names.promises, 3],
          // There is nothing to compare with where Node cannot open a file past the cache.
          ...(constants.O_DIRECT === undefined ? [] : [['unbuffered', 64, names.promises, 1.5]]),
        ];
  const speeds = wanted.map(([mode, depth, name, limit]) => ({
    what: `${engineKind}, ${mode}, ${depth} in flight, against ${name}`,
    value: ratioAt(modes, mode, depth, name, 'perSecond'),
    limit,
  }));
  if (engineKind === 'threadpool') return speeds;
  const cpuTime = {
    what: `${engineKind}, cached, 64 in flight, CPU time against ${names.callback}`,
    value: ratioAt(modes, 'cached', 64, names.callback, 'cpuUs'),
    limit: 0.5,
    atMost: true,
  };
  return [...speeds, cpuTime];
}

/** Our figure as a multiple of a competitor's; undefined if one of them was not measured. */
function ratioAt(modes, mode, depth, name, field) {
  const found = modes.find((candidate) => candidate.mode === mode);
  const peers = found?.depths.find((candidate) => candidate.depth === depth)?.peers ?? [];
  const ours = samplesOf(peers, names.overlapped);
  const others = samplesOf(peers, name);
  return ours && others ? ratioOf(ours, others, field) : undefined;
}
