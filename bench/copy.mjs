import { execFileSync } from 'node:child_process';
import nodeFs from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { copy } from '../dist/index.js';
import { BunPeer, findBun } from './lib/bun.mjs';
import { findCommand, runCommand } from './lib/commands.mjs';
import { measureOnce, medianOf } from './lib/measure.mjs';
import { printTable, shown } from './lib/table.mjs';

/**
 * A large file copied: from the cache to the cache, and from the device to the device, where the
 * copy is durable when the time is taken. Says what each leaves in the system's cache.
 */
export const title = 'copy';
const mebi = 1024 * 1024;
export const fileSize = { full: 1024 * mebi, quick: 128 * mebi };
export const settings = { full: { rounds: 3 }, quick: { rounds: 1 } };

const highWaterMarks = [256, 1024];
const bunScript = fileURLToPath(new URL('./lib/bun-copy.mjs', import.meta.url));

async function copyByStreams(from, to, kibi) {
  const options = { highWaterMark: kibi * 1024 };
  await pipeline(nodeFs.createReadStream(from, options), nodeFs.createWriteStream(to, options));
}

async function syncFile(path) {
  const handle = await nodeFs.promises.open(path, 'r+');
  await handle.sync();
  await handle.close();
}

const names = {
  auto: "overlapped, copy(), 'auto'",
  engine: "overlapped, copy(), 'engine'",
  unbuffered: 'overlapped, copy(), unbuffered',
  verified: 'overlapped, copy(), unbuffered, verified',
  copyFile: 'node:fs, copyFile',
  streams: (kibi) => `node:fs, streams, highWaterMark ${kibi} KiB`,
  bun: 'Bun.write',
};

/** The competitors by name: each copies the file once. */
function peersOf(from, to, bun) {
  const ours = (name, options) => ({ name, run: () => copy(from, to, options) });
  const node = (sync) => [
    { name: names.copyFile, run: () => nodeFs.promises.copyFile(from, to).then(sync) },
    ...highWaterMarks.map((kibi) => ({
      name: names.streams(kibi),
      run: () => copyByStreams(from, to, kibi).then(sync),
    })),
  ];
  const command = (...words) => ({ name: words[0], words });
  const byBun = (isSynced) =>
    bun ? [{ name: names.bun, ask: () => bun.ask(JSON.stringify({ from, to, isSynced })) }] : [];
  const thenSync = (...words) => ({
    name: words[0],
    words: ['sh', '-c', `"$@" && sync '${to}'`, 'sh', ...words],
  });
  const place = { atomic: false };
  const direct = { unbuffered: true };
  const dd = ['dd', `if=${from}`, `of=${to}`, 'bs=1M', 'iflag=direct', 'oflag=direct'];
  return {
    cached: [
      ours(names.auto, place),
      ours(names.engine, { ...place, strategy: 'engine' }),
      ...node(() => {}),
      ...byBun(false),
      command('cp', from, to),
      command('rsync', '--whole-file', from, to),
    ],
    durable: [
      ours(names.auto, {}),
      ours(names.engine, { strategy: 'engine' }),
      ours(names.unbuffered, direct),
      ours(names.verified, { ...direct, verify: true }),
      ...node(() => syncFile(to)),
      ...byBun(true),
      thenSync('cp', from, to),
      thenSync('rsync', '--whole-file', from, to),
      command(...dd, 'conv=fsync'),
    ],
  };
}

/** Bytes of a file in the system's cache (fincore of util-linux); null without fincore. */
function cachedBytes(path) {
  if (!findCommand('fincore')) return null;
  const output = execFileSync('fincore', ['--bytes', '--noheadings', '--output', 'RES', path]);
  return Number(output.toString().trim());
}

/** Drops a file from the system's cache (posix_fadvise by dd), or reads it into the cache. */
function prepare(mode, path) {
  if (mode === 'cached') execFileSync('cat', [path], { stdio: 'ignore' });
  else
    execFileSync('dd', [`of=${path}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], {
      stdio: 'ignore',
    });
}

async function measurePeer({ run, words, ask }, size) {
  if (ask !== undefined) return ask();
  if (words !== undefined) return runCommand(words);
  const { perSecond, cpuUs } = await measureOnce(async () => {
    await run();
    return size;
  });
  return { seconds: size / perSecond, cpuSeconds: (cpuUs * size) / 1e6 };
}

async function measureMode(mode, peers, { path, size }, to, rounds) {
  const results = peers.map(({ name }) => ({ name, samples: [] }));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < peers.length; turn++) {
      const index = (round + turn) % peers.length;
      prepare(mode, path);
      const before = cachedBytes(path);
      const sample = await measurePeer(peers[index], size);
      const after = cachedBytes(path);
      const grown = before === null || after === null ? null : after - before;
      if (nodeFs.statSync(to).size !== size) throw new Error(`${peers[index].name}: wrong size`);
      results[index].samples.push({ ...sample, fromGrown: grown, toGrown: cachedBytes(to) });
      nodeFs.rmSync(to);
    }
  }
  return results;
}

/** Measures with the engine of this process. */
export async function run(file, { rounds }) {
  const to = join(dirname(file.path), 'copy.bin');
  const bunPath = findBun();
  const bun = bunPath && new BunPeer(bunPath, bunScript);
  const missing = bun ? [] : ['Bun (npm install --prefix bench)'];
  const modes = {};
  for (const [mode, all] of Object.entries(peersOf(file.path, to, bun))) {
    const present = all.filter(({ words, name }) => words === undefined || findCommand(name));
    missing.push(...all.filter((peer) => !present.includes(peer)).map(({ name }) => name));
    modes[mode] = await measureMode(mode, present, file, to, rounds);
  }
  await bun?.close();
  return { modes, size: file.size, missing };
}

const titles = {
  cached: 'from the cache to the cache',
  durable: 'from the device to the device, synced',
};

export function print({ modes, size, missing }) {
  for (const [mode, peers] of Object.entries(modes)) {
    console.log(`\n${title}, ${titles[mode]}, ${size / mebi} MiB`);
    const rows = peers.map(({ name, samples }) => {
      const inMebi = (field) => {
        const bytes = medianOf(samples, field);
        return shown(bytes === null ? null : bytes / mebi, 0);
      };
      return [
        name,
        shown(size / medianOf(samples, 'seconds') / 1e6, 0),
        shown(medianOf(samples, 'cpuSeconds'), 2, ' s'),
        inMebi('fromGrown'),
        inMebi('toGrown'),
      ];
    });
    printTable(['', 'MB/s', 'CPU', 'MiB of the source cached', 'of the copy'], rows);
  }
  for (const name of missing) console.log(`\nNot measured: ${name}`);
}

function secondsOf(peers, belongs) {
  const all = (peers ?? []).filter(belongs).map(({ samples }) => medianOf(samples, 'seconds'));
  return all.length === 0 ? undefined : Math.min(...all);
}

/** The figures that an engine must reach. */
export function checks({ modes }, engineKind) {
  const isNode = ({ name }) => name.startsWith('node:fs');
  const wanted = [
    ['cached', names.auto, isNode, 'node:fs at its best', 0.9],
    ['durable', names.unbuffered, ({ name }) => name === 'dd', 'dd', 0.9],
  ];
  return wanted.map(([mode, name, belongs, against, limit]) => {
    const ours = secondsOf(modes[mode], (peer) => peer.name === name);
    const theirs = secondsOf(modes[mode], belongs);
    const value = ours === undefined || theirs === undefined ? undefined : theirs / ours;
    return { what: `${engineKind}, ${titles[mode]}, ${name} against ${against}`, value, limit };
  });
}
