import nodePromises from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import overlappedPromises from '../dist/promises.js';
import { BunPeer, findBun } from './lib/bun.mjs';
import { measureOnce, medianOf, ratioOf } from './lib/measure.mjs';
import { forEachFile, makeFolders, makeSmallFiles, sizeOfFile } from './lib/small-files.mjs';
import { printTable, shown } from './lib/table.mjs';

/** Many small files, 64 in flight: read, stat, written; their tree listed and removed. */
export const title = 'small-files';
export const fileSize = { full: 20_000, quick: 2_000 };
export const settings = { full: { rounds: 5 }, quick: { rounds: 2 } };
export const makeSubject = makeSmallFiles;

const depth = 64;
const names = { overlapped: 'overlapped', promises: 'node:fs/promises', bun: 'Bun' };
const fsOf = { [names.overlapped]: overlappedPromises, [names.promises]: nodePromises };

const content = Buffer.alloc(sizeOfFile(0) * 4, 0xa5);

function expect(found, wanted, path) {
  if (found !== wanted) throw new Error(`${path}: ${found}, not ${wanted}`);
}

/** The tasks: each runs once for `count` files and returns the number of its operations. */
const tasks = {
  async readFile(fs, tree, count) {
    await forEachFile(tree, count, depth, async (path, number) => {
      expect((await fs.readFile(path)).byteLength, sizeOfFile(number), path);
    });
    return count;
  },
  async stat(fs, tree, count) {
    await forEachFile(tree, count, depth, async (path, number) => {
      expect((await fs.stat(path)).size, sizeOfFile(number), path);
    });
    return count;
  },
  async writeFile(fs, copy, count) {
    await forEachFile(copy, count, depth, (path, number) =>
      fs.writeFile(path, content.subarray(0, sizeOfFile(number))),
    );
    return count;
  },
  async readdir(fs, copy, count) {
    const found = await fs.readdir(copy, { recursive: true });
    if (found.length < count) throw new Error(`${found.length} entries of ${count} files`);
    return count;
  },
  async rm(fs, copy, count) {
    await fs.rm(copy, { recursive: true });
    return count;
  },
};

/** Runs each of these tasks once with one peer. */
async function runTasks(names, name, folder, count, samples) {
  for (const task of names) {
    samples[task][name].push(await measureOnce(() => tasks[task](fsOf[name], folder, count)));
  }
}

async function runBun(bun, samples) {
  for (const task of ['readFile', 'stat']) samples[task][names.bun].push(await bun.ask(task));
}

function emptySamples() {
  const perPeer = () => Object.fromEntries(Object.values(names).map((name) => [name, []]));
  return Object.fromEntries(Object.keys(tasks).map((task) => [task, perPeer()]));
}

/** Measures with the engine of this process. */
export async function run({ path: tree, size: count }, { rounds }) {
  const found = findBun();
  const script = fileURLToPath(new URL('./lib/bun-small-files.mjs', import.meta.url));
  const bun = found && new BunPeer(found, script, tree, String(count), String(depth));
  const samples = emptySamples();
  const copies = [];
  for (let round = 0; round <= rounds; round++) {
    // The first round warms up and is not counted.
    const counted = round === 0 ? emptySamples() : samples;
    for (const name of orderOf(round)) {
      await runTasks(['readFile', 'stat'], name, tree, count, counted);
      const copy = join(dirname(tree), `copy-${round}-${name.replace(/\W/g, '-')}`);
      await makeFolders(copy, count);
      await runTasks(['writeFile'], name, copy, count, counted);
      copies.push({ copy, name, counted });
    }
    if (bun) await runBun(bun, counted);
  }
  // At the end: after files have been removed, ext4 searches long for the inode of a new one, which
  // would slow either side at random.
  for (const { copy, name, counted } of copies) {
    await runTasks(['readdir', 'rm'], name, copy, count, counted);
  }
  await bun?.close();
  return { count, samples };
}

/** Lets each side begin equally often. */
function orderOf(round) {
  const order = Object.keys(fsOf);
  return round % 2 === 0 ? order : order.reverse();
}

export function print({ count, samples }) {
  console.log(`\n${title}: ${count} files of 2 to 5 KB, ${depth} in flight`);
  const rows = Object.entries(samples).flatMap(([task, peers]) =>
    Object.entries(peers)
      .filter(([, found]) => found.length > 0)
      .map(([name, found], index) => [
        (index === 0 ? task : '').padEnd('writeFile'.length),
        name.padEnd(names.promises.length),
        shown(medianOf(found, 'perSecond') / 1000, 1),
        shown(ratioOf(found, peers[names.promises]), 2, 'x'),
        shown(medianOf(found, 'cpuUs'), 1),
      ]),
  );
  printTable(['', '', 'k files/s', 'x promises', 'CPU us'], rows);
  if (samples.readFile[names.bun].length === 0) {
    console.log('  Bun was not found; `npm install --prefix bench` brings it (Linux on x64).');
  }
}

/** The figures that an engine must reach. */
export function checks({ samples }, engineKind) {
  const wanted = [
    ['readFile', names.promises, 6],
    ['readFile', names.bun, 1],
    ['stat', names.promises, 3],
    ['writeFile', names.promises, 2],
    ['readdir', names.promises, 2],
    ['rm', names.promises, 2],
  ];
  return wanted.map(([task, name, limit]) => {
    const peers = samples[task];
    const value =
      peers[name].length === 0 ? undefined : ratioOf(peers[names.overlapped], peers[name]);
    return { what: `${engineKind}, ${task} against ${name}`, value, limit };
  });
}
