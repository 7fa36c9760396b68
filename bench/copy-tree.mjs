import nodePromises, { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { copyTree, verifyTree } from '../dist/index.js';
import { findCommand, runCommand } from './lib/commands.mjs';
import { measureOnce, medianOf, ratioOf } from './lib/measure.mjs';
import { makeSmallFiles } from './lib/small-files.mjs';
import { printTable, shown } from './lib/table.mjs';

/** A tree of small files, copied with modes, owners and times. */
export const title = 'copy-tree';
export const fileSize = { full: 20_000, quick: 2_000 };
export const settings = { full: { rounds: 5 }, quick: { rounds: 2 } };
export const makeSubject = makeSmallFiles;

const ours = 'overlapped copyTree';
const cp = 'cp -a';
const rsync = 'rsync -a';
const nodeCp = 'fs.cp';

function withoutErrors({ errors }) {
  if (errors.length > 0) throw errors[0].error;
}

async function measureCommand(count, ...words) {
  const { seconds, cpuSeconds } = await runCommand(words);
  return { perSecond: count / seconds, cpuUs: (1e6 * cpuSeconds) / count };
}

/** The competitors: each copies the tree to a new place and returns a sample. */
function peersOf(tree, count) {
  const peers = {
    [ours]: (to) =>
      measureOnce(async () => {
        withoutErrors(await copyTree(tree, to));
        return count;
      }),
    [nodeCp]: (to) =>
      measureOnce(async () => {
        await nodePromises.cp(tree, to, { recursive: true, preserveTimestamps: true });
        return count;
      }),
  };
  if (findCommand('cp')) peers[cp] = (to) => measureCommand(count, 'cp', '-a', tree, to);
  if (findCommand('rsync')) {
    peers[rsync] = (to) => measureCommand(count, 'rsync', '-a', `${tree}/`, to);
  }
  return peers;
}

/** Copies of an unchanged tree, and comparisons of two trees. */
async function measureAgain(tree, to, count) {
  const again = await measureOnce(async () => {
    const report = await copyTree(tree, to);
    withoutErrors(report);
    if (report.skipped !== count) throw new Error(`${report.skipped} of ${count} were skipped`);
    return count;
  });
  const verify = await measureOnce(async () => {
    const { differences } = await verifyTree(tree, to);
    if (differences.length > 0) throw new Error(`${differences[0].path} differs`);
    return count;
  });
  return { 'copyTree again': again, verifyTree: verify };
}

/** Measures with the engine of this process. */
export async function run({ path: tree, size: count }, { rounds }) {
  const peers = peersOf(tree, count);
  const names = Object.keys(peers);
  const samples = {};
  const folder = join(dirname(tree), `copies-${process.pid}`);
  await mkdir(folder);
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      // Each one begins equally often.
      const name = names[(round + turn) % names.length];
      const to = join(folder, `${round}-${turn}`);
      const found = { [name]: await peers[name](to) };
      if (name === ours) Object.assign(found, await measureAgain(tree, to, count));
      // The first round warms up and is not counted.
      if (round === 0) continue;
      for (const [key, sample] of Object.entries(found)) {
        samples[key] ??= [];
        samples[key].push(sample);
      }
    }
  }
  // Removed at the end, since removing many files slows the creation of new ones.
  await rm(folder, { recursive: true });
  return { count, samples };
}

export function print({ count, samples }) {
  console.log(`\n${title}: ${count} files of 2 to 5 KB`);
  const width = Math.max(...Object.keys(samples).map((name) => name.length));
  const rows = Object.entries(samples).map(([name, found]) => [
    name.padEnd(width),
    shown(count / medianOf(found, 'perSecond'), 2),
    shown(medianOf(found, 'perSecond') / 1000, 1),
    shown(medianOf(found, 'cpuUs'), 1),
  ]);
  printTable(['', 'seconds', 'k files/s', 'CPU us'], rows);
}

/** The figures that an engine must reach. */
export function checks({ samples }, engineKind) {
  return [[nodeCp, 3]].map(([name, limit]) => ({
    what: `${engineKind}, copyTree against ${name}`,
    value: ratioOf(samples[ours], samples[name]),
    limit,
  }));
}
