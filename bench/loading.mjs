import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median, medianOf } from './lib/measure.mjs';
import { printTable, shown } from './lib/table.mjs';

/** The cost of loading the package, beyond Node's own start. */
export const title = 'loading';
export const fileSize = { full: 0, quick: 0 };
export const settings = { full: { rounds: 41 }, quick: { rounds: 11 } };
export const makeSubject = async () => ({ remove: async () => {} });

const urlOf = (name) => new URL(`../dist/${name}`, import.meta.url).href;
const subject = fileURLToPath(new URL('./lib/loading-subject.mjs', import.meta.url));
const plain = 'plain Node';
const peers = {
  [plain]: [subject],
  '--import overlapped/register': ['--import', urlOf('register.js'), subject],
  "import 'overlapped'": [subject, urlOf('index.js')],
};

function sampleOf(args) {
  const { stdout, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}`);
  return JSON.parse(stdout);
}

export async function run(_subject, { rounds }) {
  const samples = Object.fromEntries(Object.keys(peers).map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, args] of Object.entries(peers)) {
      const sample = sampleOf(args);
      if (round >= 0) samples[name].push(sample);
    }
  }
  return samples;
}

/** Median of the differences to plain Node in the same round. */
function beyondPlain(samples, name, field) {
  return median(samples[name].map((sample, i) => sample[field] - samples[plain][i][field]));
}

export function print(samples) {
  console.log(`\n${title}: what a process costs from its start until the module is loaded`);
  const rows = Object.keys(peers).map((name) => [
    name,
    shown(medianOf(samples[name], 'cpuMs'), 1),
    name === plain ? '-' : shown(beyondPlain(samples, name, 'cpuMs'), 1),
    name === plain ? '-' : shown(beyondPlain(samples, name, 'wallMs'), 1),
  ]);
  printTable(['', 'CPU ms', 'more CPU ms', 'more ms'], rows);
}

/** Milliseconds of CPU time beyond plain Node. */
export function checks(samples, engineKind) {
  return [
    ['--import overlapped/register', 12],
    ["import 'overlapped'", 20],
  ].map(([name, limit]) => ({
    what: `${engineKind}, ${name}, more CPU ms`,
    value: beyondPlain(samples, name, 'cpuMs'),
    limit,
    atMost: true,
  }));
}
