import { dirname, join } from 'node:path';
import { medianOf, ratioOf } from './lib/measure.mjs';
import { Peer, sides } from './lib/registered.mjs';
import { makeSmallFiles } from './lib/small-files.mjs';
import { printTable, shown } from './lib/table.mjs';

/** One operation after another on small files, as most programs await them. */
export const title = 'one-at-a-time';
export const fileSize = { full: 2_000, quick: 400 };
export const settings = { full: { rounds: 9 }, quick: { rounds: 3 } };
export const makeSubject = makeSmallFiles;

/** Measures node:fs against overlapped/register on the engine of this process. */
export async function run({ path: tree, size: count }, { rounds, only = '' }) {
  const names = Object.values(sides);
  const peers = names.map((side) => {
    const output = join(dirname(tree), side.replace(/\W/g, '-'), 'output');
    return new Peer('one-at-a-time-tasks.mjs', side, { args: [tree, String(count), output] });
  });
  try {
    for (const peer of peers) await peer.ask();
    const tasks = (await peers[0].ask('names')).filter((task) => new RegExp(only).test(task));
    const samples = Object.fromEntries(
      tasks.map((task) => [task, Object.fromEntries(names.map((name) => [name, []]))]),
    );
    for (let round = 0; round < rounds; round++) {
      for (const task of tasks) {
        for (const turn of [round & 1, 1 - (round & 1)]) {
          const sample = await peers[turn].ask(task);
          samples[task][names[turn]].push(sample);
        }
      }
    }
    return { count, samples };
  } finally {
    for (const peer of peers) await peer.close();
  }
}

const isSync = (task) => task.includes('Sync');

export function print({ count, samples }) {
  console.log(`\n${title}: ${count} files of 2 to 5 KB, one operation after another`);
  const rows = Object.entries(samples).map(([task, { [sides.node]: node, ...others }]) => {
    const ours = others[sides.registered];
    const ratio = (field) => (isSync(task) ? '-' : shown(ratioOf(ours, node, field), 2, 'x'));
    return [
      task,
      shown(1e6 / medianOf(node, 'perSecond'), 1),
      isSync(task) ? '-' : shown(1e6 / medianOf(ours, 'perSecond'), 1),
      ratio('perSecond'),
      ratio('cpuUs'),
    ];
  });
  printTable(['', 'node:fs us', 'register us', 'as fast', 'CPU'], rows);
}

// At least so many times as fast as node:fs, and at most this share of its CPU time.
const promised = {
  'stat, promise': [6, 0.3],
  'stat, callback': [4, 0.4],
  'access, promise': [5, 0.3],
  'readFile, promise': [12, 0.12],
  'readFile, callback': [11, 0.12],
  'open, read, close': [8, 0.2],
  'readdir of a small folder': [1.2, 0.9],
  'read stream': [3, 0.4],
  'read stream, 16 at a time': [2, 0.5],
  'write stream': [1.2, 0.85],
  'write stream, 16 at a time': [1.2, 0.85],
  'small writes to one stream': [1.2, 0.85],
  writeFile: [2.6, 0.48],
};

export function checks({ samples }, engineKind) {
  const measured = Object.entries(promised).filter(([task]) => task in samples);
  return measured.flatMap(([task, [speed, cpu]]) => {
    const { [sides.node]: node, [sides.registered]: ours } = samples[task];
    return [
      { what: `${engineKind}, ${task}`, value: ratioOf(ours, node), limit: speed },
      {
        what: `${engineKind}, ${task}, CPU`,
        value: ratioOf(ours, node, 'cpuUs'),
        limit: cpu,
        atMost: true,
      },
    ];
  });
}
