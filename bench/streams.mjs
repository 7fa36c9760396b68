import nodeFs from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import overlappedFs from '../dist/fs.js';
import { open } from '../dist/index.js';
import { blockSize } from './lib/bench-file.mjs';
import { BunPeer, findBun } from './lib/bun.mjs';
import { findCommand, runCommand } from './lib/commands.mjs';
import { measureOnce, median, medianOf } from './lib/measure.mjs';
import { printTable, shown } from './lib/table.mjs';

/** A large file through streams: read, copied through a pipeline, and both past the cache. */
export const title = 'streams';
const mebi = 1024 * 1024;
export const fileSize = { full: 1024 * mebi, quick: 128 * mebi };
export const settings = { full: { rounds: 5 }, quick: { rounds: 2 } };

const highWaterMarks = [64, 256, 1024, 2048];
const bunScript = fileURLToPath(new URL('./lib/bun-streams.mjs', import.meta.url));

function checkChunk(chunk, position) {
  const isWhole = position % blockSize === 0;
  if (isWhole && chunk.readUInt32LE(0) !== position / blockSize) {
    throw new Error(`Wrong bytes at ${position}`);
  }
}

/** Reads a stream to its end and checks every chunk that begins with a block. */
function readStream(stream) {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    stream.on('data', (chunk) => {
      checkChunk(chunk, bytes);
      bytes += chunk.byteLength;
    });
    stream.on('end', () => resolve(bytes));
    stream.on('error', reject);
  });
}

async function readChunks(path, openOptions) {
  const handle = await open(path, 'r', openOptions);
  let bytes = 0;
  for await (const chunk of handle.chunks({ recycle: true })) {
    checkChunk(chunk, bytes);
    bytes += chunk.byteLength;
  }
  await handle.close();
  return bytes;
}

async function copyByPipeline(fs, path, copy, options) {
  await pipeline(fs.createReadStream(path, options), fs.createWriteStream(copy, options));
  return nodeFs.statSync(copy).size;
}

const names = {
  ours: 'overlapped, default options',
  recycle: 'overlapped, chunks({ recycle: true })',
  stream: 'overlapped, createReadStream',
  node: (kibi) => `node:fs, highWaterMark ${kibi} KiB`,
  bun: 'Bun.file().stream()',
};

/** The competitors by name: each reads or copies the file once and returns the bytes it moved. */
function peersOf(path, copy, bun) {
  const inKibi = highWaterMarks.map((kibi) => [kibi, { highWaterMark: kibi * 1024 }]);
  const direct = { unbuffered: true };
  const command = (name, ...words) => ({ name, words });
  const read = [
    { name: names.ours, run: () => readStream(overlappedFs.createReadStream(path)) },
    { name: names.recycle, run: () => readChunks(path) },
    ...inKibi.map(([kibi, options]) => ({
      name: names.node(kibi),
      run: () => readStream(nodeFs.createReadStream(path, options)),
    })),
    ...(bun ? [{ name: names.bun, bun }] : []),
    command('cat', 'cat', path),
  ];
  const pipelined = [
    { name: names.ours, run: () => copyByPipeline(overlappedFs, path, copy) },
    ...inKibi.map(([kibi, options]) => ({
      name: names.node(kibi),
      run: () => copyByPipeline(nodeFs, path, copy, options),
    })),
  ];
  const fio = ['fio', '--name=read', '--rw=read', '--readonly', '--direct=1', '--iodepth=8'];
  const unbufferedRead = [
    { name: names.recycle, run: () => readChunks(path, direct) },
    { name: names.stream, run: () => readStream(overlappedFs.createReadStream(path, direct)) },
    command('fio', ...fio, '--bs=512k', '--ioengine=io_uring', `--filename=${path}`),
  ];
  const dd = ['dd', `if=${path}`, `of=${copy}`, 'bs=1M', 'iflag=direct', 'oflag=direct'];
  const unbufferedCopy = [
    { name: names.ours, run: () => copyByPipeline(overlappedFs, path, copy, direct) },
    command('dd', ...dd),
  ];
  return { read, pipelined, unbufferedRead, unbufferedCopy };
}

async function takesDirectIo(path) {
  const handle = await open(path, 'r', { unbuffered: 'prefer' });
  const takes = handle.alignment !== null;
  await handle.close();
  return takes;
}

async function measurePeer({ run, words, bun }, size, path) {
  if (run !== undefined) return measureOnce(run);
  if (bun !== undefined) return bun.ask(path);
  const { seconds, cpuSeconds } = await runCommand(words);
  return { perSecond: size / seconds, cpuUs: (cpuSeconds * 1e6) / size };
}

async function measureMode(peers, { path, size }, copy, rounds) {
  const results = peers.map(({ name }) => ({ name, samples: [] }));
  // One round first warms up all code.
  for (let round = -1; round < rounds; round++) {
    for (let turn = 0; turn < peers.length; turn++) {
      const index = (Math.max(0, round) + turn) % peers.length;
      const sample = await measurePeer(peers[index], size, path);
      nodeFs.rmSync(copy, { force: true });
      if (round >= 0) results[index].samples.push(sample);
    }
  }
  return results;
}

/** Measures with the engine of this process. */
export async function run(file, { rounds }) {
  const copy = join(dirname(file.path), 'copy.bin');
  const bunPath = findBun();
  const bun = bunPath && new BunPeer(bunPath, bunScript);
  const peers = peersOf(file.path, copy, bun);
  const isDirect = await takesDirectIo(file.path);
  const missing = bun ? [] : ['Bun (npm install --prefix bench)'];
  const modes = {};
  for (const [mode, all] of Object.entries(peers)) {
    if (mode.startsWith('unbuffered') && !isDirect) {
      missing.push(`${mode} (the file system refuses direct I/O)`);
      continue;
    }
    const present = all.filter(({ words }) => words === undefined || findCommand(words[0]));
    const absent = all.filter((peer) => !present.includes(peer));
    missing.push(...absent.map(({ name }) => name));
    modes[mode] = await measureMode(present, file, copy, rounds);
  }
  await bun?.close();
  return { modes, size: file.size, missing };
}

const titles = {
  read: 'cached, read',
  pipelined: 'cached, copied through pipeline()',
  unbufferedRead: 'unbuffered, read',
  unbufferedCopy: 'unbuffered, copied through pipeline()',
};

export function print({ modes, size, missing }) {
  for (const [mode, peers] of Object.entries(modes)) {
    console.log(`\n${title}, ${titles[mode]}, ${size / mebi} MiB`);
    const best = bestOf(peers, isForeign);
    const rows = peers.map((peer) => [
      peer.name,
      shown(medianOf(peer.samples, 'perSecond') / 1e9),
      best === undefined ? '-' : shown(ratioOfMedians(peer, best), 2, 'x'),
      shown((medianOf(peer.samples, 'cpuUs') * size) / 1e6, 2, ' s'),
    ]);
    printTable(['', 'GB/s', `x ${best?.name ?? ''}`, 'CPU'], rows);
  }
  for (const name of missing) console.log(`\nNot measured: ${name}`);
}

const isNode = ({ name }) => name.startsWith('node:fs');
const isForeign = ({ name }) => isNode({ name }) || name === 'dd' || name === 'fio';

function bestOf(peers = [], belongs) {
  const speed = ({ samples }) => median(samples.map(({ perSecond }) => perSecond));
  return peers.filter(belongs).toSorted((a, b) => speed(b) - speed(a))[0];
}

function ratioOfMedians(peer, other) {
  return medianOf(peer.samples, 'perSecond') / medianOf(other.samples, 'perSecond');
}

/** The figures that an engine must reach. */
export function checks({ modes }, engineKind) {
  const wanted = [
    ['read', names.ours, isNode, 1.5],
    ['read', names.recycle, isNode, 2.5],
    ['pipelined', names.ours, isNode, 1.5],
    ['unbufferedRead', names.recycle, isForeign, 0.9],
    ['unbufferedCopy', names.ours, isForeign, 1],
  ];
  return wanted.map(([mode, name, belongs, limit]) => {
    const peers = modes[mode] ?? [];
    const ours = peers.find((peer) => peer.name === name);
    const best = bestOf(peers, belongs);
    const value = ours && best ? ratioOfMedians(ours, best) : undefined;
    const against = best?.name ?? 'a missing competitor';
    return { what: `${engineKind}, ${titles[mode]}, ${name} against ${against}`, value, limit };
  });
}
