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

/**
 * Files through streams: a large one and two smaller ones read, and the large one copied through a
 * pipeline, and both past the cache.
 */
export const title = 'streams';
const mebi = 1024 * 1024;
export const fileSize = { full: 1024 * mebi, quick: 128 * mebi };
export const settings = { full: { rounds: 5 }, quick: { rounds: 2 } };

// Bytes of the smaller files, which hold the beginning of the large one.
const smallerSizes = { readMedium: 64 * mebi, readSmall: mebi };
// Smaller files are read again and again until so much time has passed.
const leastMs = 100;

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

const inKibi = highWaterMarks.map((kibi) => [kibi, { highWaterMark: kibi * 1024 }]);
const command = (name, ...words) => ({ name, words });

/** The competitors that read a cached file. */
function readersOf(path, bun) {
  return [
    { name: names.ours, run: () => readStream(overlappedFs.createReadStream(path)) },
    { name: names.recycle, run: () => readChunks(path) },
    ...inKibi.map(([kibi, options]) => ({
      name: names.node(kibi),
      run: () => readStream(nodeFs.createReadStream(path, options)),
    })),
    ...(bun ? [{ name: names.bun, bun }] : []),
  ];
}

/** The competitors by name: each reads or copies the file once and returns the bytes it moved. */
function peersOf(path, copy, bun) {
  const direct = { unbuffered: true };
  const read = [...readersOf(path, bun), command('cat', 'cat', path)];
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

/** Bun reads the file as often as measureOnce() would. */
async function measureBun(bun, size, path, repeatMs) {
  let [reads, seconds, cpuUs] = [0, 0, 0];
  do {
    const sample = await bun.ask(path);
    reads++;
    seconds += size / sample.perSecond;
    cpuUs += sample.cpuUs;
  } while (seconds * 1000 < repeatMs);
  return { perSecond: (reads * size) / seconds, cpuUs: cpuUs / reads };
}

async function measurePeer({ run, words, bun }, size, path, repeatMs) {
  if (run !== undefined) return measureOnce(run, repeatMs);
  if (bun !== undefined) return measureBun(bun, size, path, repeatMs);
  const { seconds, cpuSeconds } = await runCommand(words);
  return { perSecond: size / seconds, cpuUs: (cpuSeconds * 1e6) / size };
}

async function measureMode(peers, { path, size }, copy, { rounds, repeatMs }) {
  const results = peers.map(({ name }) => ({ name, samples: [] }));
  // One round first warms up all code.
  for (let round = -1; round < rounds; round++) {
    for (let turn = 0; turn < peers.length; turn++) {
      const index = (Math.max(0, round) + turn) % peers.length;
      const sample = await measurePeer(peers[index], size, path, repeatMs);
      nodeFs.rmSync(copy, { force: true });
      if (round >= 0) results[index].samples.push(sample);
    }
  }
  return results;
}

/** Makes a file of the first bytes of another one, in the same folder. */
function beginningOf(path, size) {
  const bytes = Buffer.allocUnsafe(size);
  const descriptor = nodeFs.openSync(path);
  const length = nodeFs.readSync(descriptor, bytes, 0, size, 0);
  nodeFs.closeSync(descriptor);
  const beginning = join(dirname(path), `first-${size}.bin`);
  nodeFs.writeFileSync(beginning, bytes.subarray(0, length));
  return { path: beginning, size: length };
}

/** Measures with the engine of this process. `only` is a regular expression for names of modes. */
export async function run(file, { rounds, only = '' }) {
  const isWanted = (mode) => new RegExp(only).test(mode);
  const copy = join(dirname(file.path), 'copy.bin');
  const bunPath = findBun();
  const bun = bunPath && new BunPeer(bunPath, bunScript);
  const peers = peersOf(file.path, copy, bun);
  const isDirect = await takesDirectIo(file.path);
  const missing = bun ? [] : ['Bun (npm install --prefix bench)'];
  const modes = {};
  const sizes = {};
  for (const [mode, size] of Object.entries(smallerSizes)) {
    if (!isWanted(mode)) continue;
    const smaller = beginningOf(file.path, size);
    const settings = { rounds: 3 * rounds, repeatMs: leastMs };
    sizes[mode] = smaller.size;
    modes[mode] = await measureMode(readersOf(smaller.path, bun), smaller, copy, settings);
  }
  for (const [mode, all] of Object.entries(peers)) {
    if (!isWanted(mode)) continue;
    if (mode.startsWith('unbuffered') && !isDirect) {
      missing.push(`${mode} (the file system refuses direct I/O)`);
      continue;
    }
    const present = all.filter(({ words }) => words === undefined || findCommand(words[0]));
    const absent = all.filter((peer) => !present.includes(peer));
    missing.push(...absent.map(({ name }) => name));
    sizes[mode] = file.size;
    modes[mode] = await measureMode(present, file, copy, { rounds, repeatMs: 0 });
  }
  await bun?.close();
  return { modes, sizes, missing };
}

const titles = {
  readSmall: 'cached, small, read',
  readMedium: 'cached, medium, read',
  read: 'cached, read',
  pipelined: 'cached, copied through pipeline()',
  unbufferedRead: 'unbuffered, read',
  unbufferedCopy: 'unbuffered, copied through pipeline()',
};

export function print({ modes, sizes, missing }) {
  for (const [mode, peers] of Object.entries(modes)) {
    const size = sizes[mode];
    console.log(`\n${title}, ${titles[mode]}, ${size / mebi} MiB`);
    const best = bestOf(peers, isForeign);
    const rows = peers.map((peer) => [
      peer.name,
      shown(medianOf(peer.samples, 'perSecond') / 1e9),
      best === undefined ? '-' : shown(ratioOfMedians(peer, best), 2, 'x'),
      shown((medianOf(peer.samples, 'cpuUs') * size) / 1e3, 2, ' ms'),
    ]);
    printTable(['', 'GB/s', `x ${best?.name ?? ''}`, 'CPU'], rows);
  }
  for (const name of missing) console.log(`\nNot measured: ${name}`);
}

const isNode = ({ name }) => name.startsWith('node:fs');
const isBun = ({ name }) => name === names.bun;
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
    ['read', names.ours, isBun, 1.1],
    ['readMedium', names.ours, isNode, 1.3],
    ['readSmall', names.ours, isNode, 1.3],
    ['read', names.recycle, isNode, 2.5],
    ['pipelined', names.ours, isNode, 1.5],
    ['unbufferedRead', names.recycle, isForeign, 0.9],
    ['unbufferedCopy', names.ours, isForeign, 1],
  ];
  const measured = wanted.filter(([mode]) => modes[mode] !== undefined);
  return measured.map(([mode, name, belongs, limit]) => {
    const peers = modes[mode];
    const ours = peers.find((peer) => peer.name === name);
    const best = bestOf(peers, belongs);
    const value = ours && best ? ratioOfMedians(ours, best) : undefined;
    const against = best?.name ?? 'a missing competitor';
    return { what: `${engineKind}, ${titles[mode]}, ${name} against ${against}`, value, limit };
  });
}
