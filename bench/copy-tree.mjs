import { execFileSync } from 'node:child_process';
import nodePromises, { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { copyTree, verifyTree } from '../dist/index.js';
import { findCommand, runCommand } from './lib/commands.mjs';
import { measureOnce, medianOf, ratioOf } from './lib/measure.mjs';
import { makeSmallFiles } from './lib/small-files.mjs';
import { printTable, shown } from './lib/table.mjs';

/**
 * Trees copied with modes, owners and times: small files, files of 300 KB, and an unchanged tree.
 * The first two also against commands after which the copy is as durable as ours.
 */
export const title = 'copy-tree';
export const fileSize = { full: 20_000, quick: 2_000 };
export const settings = { full: { rounds: 3 }, quick: { rounds: 2 } };
export const makeSubject = makeSmallFiles;

const ours = 'overlapped copyTree';
const again = 'overlapped copyTree, unchanged';
const verified = 'overlapped verifyTree';
const cp = 'cp -a, sync -f';
const rsync = 'rsync -a';
const rsyncSynced = 'rsync -a --fsync';
const rsyncAgain = 'rsync -a, unchanged';
const nodeCp = 'fs.cp';

const largerSize = 300_000;
const filesPerLarger = 10;

function withoutErrors(report) {
  if (report.errors.length > 0) throw report.errors[0].error;
  return report;
}

async function measureCommand(count, ...words) {
  const { seconds, cpuSeconds } = await runCommand(words);
  return { perSecond: count / seconds, cpuUs: (1e6 * cpuSeconds) / count };
}

function measureOurs(count, tree, to) {
  return measureOnce(async () => {
    withoutErrors(await copyTree(tree, to));
    return count;
  });
}

function rsyncKnowsFsync() {
  return findCommand('rsync') && execFileSync('rsync', ['--help']).includes('--fsync');
}

/** The competitors after which a copy is durable. */
function durablePeersOf(tree, count) {
  const peers = { [ours]: (to) => measureOurs(count, tree, to) };
  if (findCommand('cp')) {
    peers[cp] = (to) =>
      measureCommand(count, 'sh', '-c', `cp -a '${tree}' '${to}' && sync -f '${to}'`);
  }
  if (rsyncKnowsFsync()) {
    peers[rsyncSynced] = (to) => measureCommand(count, 'rsync', '-a', '--fsync', `${tree}/`, to);
  }
  return peers;
}

function peersOf(tree, count) {
  const peers = durablePeersOf(tree, count);
  if (findCommand('rsync')) {
    peers[rsync] = (to) => measureCommand(count, 'rsync', '-a', `${tree}/`, to);
  }
  peers[nodeCp] = (to) =>
    measureOnce(async () => {
      await nodePromises.cp(tree, to, { recursive: true, preserveTimestamps: true });
      return count;
    });
  return peers;
}

/** Copies of an unchanged tree, and a comparison of two trees. */
async function measureAgain(tree, to, count, round) {
  const found = {};
  const copies = {
    [again]: () =>
      measureOnce(async () => {
        const { unchanged } = withoutErrors(await copyTree(tree, to));
        if (unchanged !== count) throw new Error(`${unchanged} of ${count} were unchanged`);
        return count;
      }),
  };
  if (findCommand('rsync')) {
    copies[rsyncAgain] = () => measureCommand(count, 'rsync', '-a', `${tree}/`, to);
  }
  const names = Object.keys(copies);
  if (round % 2 === 1) names.reverse();
  for (const name of names) found[name] = await copies[name]();
  found[verified] = await measureOnce(async () => {
    const { differences } = await verifyTree(tree, to);
    if (differences.length > 0) throw new Error(`${differences[0].path} differs`);
    return count;
  });
  return found;
}

/** Writes out what earlier turns have left, which a sync would otherwise count to the next one. */
function settle(folder) {
  if (findCommand('sync')) execFileSync('sync', ['-f', folder]);
}

async function measureRounds(peers, folder, rounds, afterEach) {
  const samples = {};
  const names = Object.keys(peers);
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      // Each one begins equally often.
      const name = names[(round + turn) % names.length];
      const to = join(folder, `${round}-${turn}`);
      settle(folder);
      const found = { [name]: await peers[name](to) };
      Object.assign(found, await afterEach(name, to, round));
      // The first round warms up and is not counted.
      if (round === 0) continue;
      for (const [key, sample] of Object.entries(found)) {
        samples[key] ??= [];
        samples[key].push(sample);
      }
    }
  }
  return samples;
}

async function makeLargerFiles(folder, count) {
  const tree = join(folder, 'larger');
  const content = Buffer.alloc(largerSize, 0xa5);
  for (let number = 0; number < count; number++) {
    const place = join(tree, `d${Math.floor(number / filesPerLarger)}`);
    await mkdir(place, { recursive: true });
    await writeFile(join(place, `f${number}`), content);
  }
  return tree;
}

/** Measures with the engine of this process. */
export async function run({ path: tree, size: count }, { rounds }) {
  const folder = join(dirname(tree), `copies-${process.pid}`);
  await mkdir(folder);
  // Copies are removed at the end, since removing many files slows the creation of new ones.
  const small = await measureRounds(peersOf(tree, count), folder, rounds, (name, to, round) =>
    name === ours ? measureAgain(tree, to, count, round) : {},
  );
  await rm(folder, { recursive: true });
  await mkdir(folder);
  const largerCount = count / 10;
  const larger = await makeLargerFiles(folder, largerCount);
  const peers = durablePeersOf(larger, largerCount);
  const large = await measureRounds(peers, folder, rounds, async (_, to) => {
    await rm(to, { recursive: true });
  });
  await rm(folder, { recursive: true });
  return { count, small, largerCount, large };
}

function printSamples(count, samples) {
  const rows = Object.entries(samples).map(([name, found]) => [
    name,
    shown(count / medianOf(found, 'perSecond'), 2),
    shown(medianOf(found, 'perSecond') / 1000, 1),
    shown(medianOf(found, 'cpuUs'), 1),
  ]);
  printTable(['', 'seconds', 'k files/s', 'CPU us a file'], rows);
}

export function print({ count, small, largerCount, large }) {
  console.log(`\n${title}: ${count} files of 2 to 5 KB`);
  printSamples(count, small);
  console.log(`\n${title}: ${largerCount} files of ${largerSize / 1000} KB`);
  printSamples(largerCount, large);
}

/** The figures that an engine must reach: speeds relative to those of others. */
export function checks({ small, large }, engineKind) {
  const wanted = [
    ['small files', small, ours, nodeCp, 3],
    ['small files', small, ours, cp, 1],
    ['small files', small, ours, rsyncSynced, 1],
    ['unchanged', small, again, rsyncAgain, 1],
    ['files of 300 KB', large, ours, cp, 1],
    ['files of 300 KB', large, ours, rsyncSynced, 1],
  ];
  return wanted.map(([what, samples, name, other, limit]) => ({
    what: `${engineKind}, ${what}, ${name} against ${other}`,
    value: samples[other] && ratioOf(samples[name], samples[other]),
    limit,
  }));
}
