import { execFileSync } from 'node:child_process';
import nodeFs from 'node:fs';
import { dirname, join } from 'node:path';
import { copy } from '../dist/index.js';
import { findCommand, runCommand } from './lib/commands.mjs';
import { measureOnce, medianOf, ratioOf } from './lib/measure.mjs';
import { printTable, shown } from './lib/table.mjs';

/**
 * Two tasks of a backup of a large image: a copy that leaves the system's cache as it was against
 * one that fills it, and an update in place of an image of which one hundredth has changed.
 */
export const title = 'images';
const mebi = 1024 * 1024;
export const fileSize = { full: 4096 * mebi, quick: 512 * mebi };
export const settings = { full: { rounds: 3 }, quick: { rounds: 3 } };

const changedEvery = 100;

const names = {
  uncached: 'overlapped, copy()',
  cached: 'overlapped, copy(), dontCache: false',
  inPlace: "overlapped, update: 'inplace', verify",
  rsync: 'rsync --inplace --no-whole-file',
};

/** Bytes of a file in the system's cache (fincore of util-linux); null without fincore. */
function cachedBytes(path) {
  if (!findCommand('fincore')) return null;
  const output = execFileSync('fincore', ['--bytes', '--noheadings', '--output', 'RES', path]);
  return Number(output.toString().trim());
}

/** Writes a file out and drops it from the system's cache (posix_fadvise by dd). */
function drop(path) {
  const how = ['oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'];
  execFileSync('dd', [`of=${path}`, ...how], { stdio: 'ignore' });
}

/** Changes one MiB of every hundred. @returns how many bytes */
function change(path, size, round) {
  const file = nodeFs.openSync(path, 'r+');
  const content = Buffer.alloc(mebi, round + 1);
  let changed = 0;
  for (let position = 0; position < size; position += changedEvery * mebi) {
    nodeFs.writeSync(file, content, 0, mebi, position);
    changed += mebi;
  }
  nodeFs.closeSync(file);
  return changed;
}

async function measureCopy(options, size) {
  const { perSecond, cpuUs } = await measureOnce(async () => {
    await copy(...options);
    return size;
  });
  return { seconds: size / perSecond, cpuSeconds: (cpuUs * size) / 1e6 };
}

/** Runs the peers in turns, each beginning equally often. */
async function inTurns(rounds, peers) {
  const samples = Object.fromEntries(Object.keys(peers).map((name) => [name, []]));
  const order = Object.keys(peers);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < order.length; turn++) {
      const name = order[(round + turn) % order.length];
      samples[name].push(await peers[name](round));
    }
  }
  return samples;
}

function copies({ path, size }, to) {
  const copyOnce = async (options) => {
    drop(path);
    const before = cachedBytes(path);
    const sample = await measureCopy([path, to, options], size);
    const after = cachedBytes(path);
    const left = before === null ? null : after - before + cachedBytes(to);
    nodeFs.rmSync(to);
    return { ...sample, left };
  };
  return {
    [names.uncached]: () => copyOnce({}),
    [names.cached]: () => copyOnce({ dontCache: false }),
  };
}

/** Each peer updates an image of its own. */
function updates({ path, size }, folder) {
  const prepare = async (name, round) => {
    const image = join(folder, name);
    if (!nodeFs.existsSync(image)) await copy(path, image);
    const changed = change(path, size, 2 * round + (name === 'rsync' ? 1 : 0));
    for (const file of [path, image]) drop(file);
    return { image, changed };
  };
  const peers = {
    [names.inPlace]: async (round) => {
      const { image, changed } = await prepare('ours', round);
      let dataBytes = 0;
      const { perSecond, cpuUs } = await measureOnce(async () => {
        ({ dataBytes } = await copy(path, image, { update: 'inplace', verify: true }));
        return size;
      });
      const seconds = size / perSecond;
      return { seconds, cpuSeconds: (cpuUs * size) / 1e6, written: dataBytes, changed };
    },
  };
  if (findCommand('rsync')) {
    peers[names.rsync] = async (round) => {
      const { image, changed } = await prepare('rsync', round);
      const words = ['rsync', '--inplace', '--no-whole-file', '--ignore-times', path, image];
      return { ...(await runCommand(words)), written: null, changed };
    };
  }
  return peers;
}

/** Measures with the engine of this process. */
export async function run(file, { rounds }) {
  const folder = dirname(file.path);
  const copied = await inTurns(rounds, copies(file, join(folder, 'copy.bin')));
  const updated = await inTurns(rounds, updates(file, folder));
  for (const name of ['ours', 'rsync']) nodeFs.rmSync(join(folder, name), { force: true });
  return { copied, updated, size: file.size };
}

export function print({ copied, updated, size }) {
  const inMebi = (samples, field) => {
    const bytes = medianOf(samples, field);
    return shown(bytes === null ? null : bytes / mebi, 0);
  };
  const common = ([name, samples]) => [
    name,
    shown(medianOf(samples, 'seconds'), 2, ' s'),
    shown(medianOf(samples, 'cpuSeconds'), 2, ' s'),
  ];
  console.log(`\n${title}, copies of ${size / mebi} MiB, source not cached, durable`);
  const rows = Object.entries(copied).map((peer) => [...common(peer), inMebi(peer[1], 'left')]);
  printTable(['', 'time', 'CPU', 'MiB left in the cache'], rows);
  const [[, samples]] = Object.entries(updated);
  console.log(
    `\n${title}, updates in place, ${inMebi(samples, 'changed')} MiB changed, not cached`,
  );
  const more = Object.entries(updated).map((peer) => [...common(peer), inMebi(peer[1], 'written')]);
  printTable(['', 'time', 'CPU', 'MiB written'], more);
}

/** The figures that an engine must reach. */
export function checks({ copied, updated }, engineKind) {
  const ratio = (group, name, other) =>
    group[other] && ratioOf(group[other], group[name], 'seconds');
  const left = medianOf(copied[names.uncached], 'left');
  const change = updated[names.inPlace][0].changed;
  return [
    {
      what: `${engineKind}, a copy that leaves the cache as it was against one that fills it`,
      value: ratio(copied, names.uncached, names.cached),
      limit: 0.9,
    },
    {
      what: `${engineKind}, MiB that it leaves there, of 64`,
      value: left === null ? undefined : left / (64 * mebi),
      limit: 1,
      atMost: true,
    },
    {
      what: `${engineKind}, update in place against rsync`,
      value: ratio(updated, names.inPlace, names.rsync),
      limit: 1,
    },
    {
      what: `${engineKind}, bytes that an update writes, of those that have changed`,
      value: medianOf(updated[names.inPlace], 'written') / change,
      limit: 1.2,
      atMost: true,
    },
  ];
}
