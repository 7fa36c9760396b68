import { readFile, writeFile } from 'node:fs/promises';
import * as vega from 'vega';
import { compile } from 'vega-lite';
import { median, medianOf, ratioOf } from './lib/measure.mjs';

/**
 * node bench/plot.mjs <picture.svg> <samples.json>...
 *
 * Draws how many times as fast as node:fs this package is, from the output of
 * `npm run bench -- --json`. `npm install --prefix bench` installs the drawing library.
 */
const group = {
  single: 'one operation after another',
  programs: 'whole programs',
  small: 'reads of 4 KiB',
  files: 'small files, 64 in flight',
  large: 'large files',
};
const isNode = ({ name }) => name.startsWith('node:fs');
const named = (peers, name) => peers.find((peer) => peer.name === name);

function oneAtATime({ samples }) {
  return Object.entries(samples)
    .filter(([task]) => !task.includes('Sync'))
    .map(([task, { 'node:fs': node, register }]) => ({
      group: group.single,
      label: task,
      ratio: ratioOf(register, node),
    }));
}

/** How many times as fast the whole process is. */
function programs({ samples }) {
  return Object.entries(samples).map(([label, { 'node:fs': node, register }]) => ({
    group: group.programs,
    label,
    ratio: ratioOf(node, register, 'wallMs'),
  }));
}

function randomReads({ modes }) {
  const wanted = [
    ['cached', 1],
    ['cached', 64],
    ['unbuffered', 64],
  ];
  return wanted.flatMap(([mode, depth]) => {
    const found = modes.find((entry) => entry.mode === mode);
    const peers = found?.depths.find((entry) => entry.depth === depth)?.peers;
    if (peers === undefined) return [];
    const [ours, theirs] = ['overlapped', 'node:fs/promises'].map((name) => named(peers, name));
    const label = `${mode}, ${depth} in flight`;
    return [{ group: group.small, label, ratio: ratioOf(ours.samples, theirs.samples) }];
  });
}

function smallFiles({ samples }) {
  return Object.entries(samples).map(([task, peers]) => ({
    group: group.files,
    label: { readdir: 'readdir, recursive', rm: 'rm, recursive' }[task] ?? task,
    ratio: ratioOf(peers.overlapped, peers['node:fs/promises']),
  }));
}

function treeCopies({ samples }) {
  const ratio = ratioOf(samples['overlapped copyTree'], samples['fs.cp']);
  return [{ group: group.files, label: 'copyTree() against fs.cp', ratio }];
}

/** One peer's speed against that of the fastest of others. */
function againstBest(peers, name, belongs, speedOf) {
  const best = Math.max(...peers.filter(belongs).map(speedOf));
  return speedOf(named(peers, name)) / best;
}

function streams({ modes }) {
  const speedOf = ({ samples }) => medianOf(samples, 'perSecond');
  const against = (mode, name) => againstBest(modes[mode], name, isNode, speedOf);
  const ours = 'overlapped, default options';
  const recycled = 'overlapped, chunks({ recycle: true })';
  return [
    { label: 'read stream', ratio: against('read', ours) },
    { label: 'chunks({ recycle: true })', ratio: against('read', recycled) },
    { label: 'copy through pipeline()', ratio: against('pipelined', ours) },
  ].map((row) => ({ group: group.large, ...row }));
}

function copies({ modes }) {
  const speedOf = ({ samples }) => 1 / median(samples.map(({ seconds }) => seconds));
  const isCopyFile = ({ name }) => name === 'node:fs, copyFile';
  const ratio = againstBest(modes.cached, "overlapped, copy(), 'auto'", isCopyFile, speedOf);
  return [{ group: group.large, label: 'copy() against copyFile', ratio }];
}

// In the order of the picture.
const rowsOf = {
  'one-at-a-time': oneAtATime,
  programs,
  'random-read': randomReads,
  'small-files': smallFiles,
  'copy-tree': treeCopies,
  streams,
  copy: copies,
};

/** The system without the build number of its kernel. */
const systemOf = ({ system }) => system.replace(/(\d+\.\d+)\S*/, '$1');

/** Bars that begin at 1, so that what is slower than node:fs points to the left. */
function chartOf(rows, machine) {
  const y = {
    field: 'label',
    type: 'nominal',
    sort: rows.map(({ label }) => label),
    title: null,
    axis: { offset: 4, domain: false, ticks: false },
  };
  const x = {
    field: 'ratio',
    type: 'quantitative',
    title: 'times as fast as node:fs (its fs/promises; its best highWaterMark for streams)',
    scale: { type: 'log', domain: [0.3, 60] },
    axis: { values: [0.5, 1, 2, 5, 10, 20, 50], format: '~r', gridOpacity: 0.5 },
  };
  const isFaster = 'datum.ratio >= 1';
  const color = { condition: { test: isFaster, value: '#3a76af' }, value: '#c8553d' };
  const text = { field: 'ratio', type: 'quantitative', format: '.1f' };
  const label = {
    type: 'text',
    fontSize: 10,
    align: { expr: `${isFaster} ? 'left' : 'right'` },
    dx: { expr: `${isFaster} ? 4 : -4` },
  };
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: {
      text: 'overlapped against node:fs',
      subtitle: `Node ${machine.node}, ${systemOf(machine)}, ${machine.cpu}; medians of one run`,
      anchor: 'middle',
    },
    background: 'white',
    padding: 12,
    data: { values: rows },
    facet: {
      row: {
        field: 'group',
        sort: Object.values(group),
        title: null,
        header: {
          labelAngle: 0,
          labelAnchor: 'start',
          labelOrient: 'top',
          labelFontWeight: 'bold',
          labelPadding: 2,
        },
      },
    },
    spacing: 6,
    spec: {
      width: 520,
      height: { step: 15 },
      encoding: { y },
      layer: [
        { mark: 'bar', encoding: { x, x2: { datum: 1 }, color } },
        { mark: label, encoding: { x, text } },
      ],
    },
    resolve: { scale: { y: 'independent' } },
    config: { axis: { labelLimit: 300 }, font: 'sans-serif', view: { stroke: null } },
  };
}

async function main([picture, ...files]) {
  const runs = await Promise.all(files.map(async (file) => JSON.parse(await readFile(file))));
  const outcomes = runs.flatMap((run) => run.outcomes).filter(({ result }) => result !== undefined);
  const rows = Object.entries(rowsOf).flatMap(([part, rowsOfPart]) => {
    // Runs list the best engine of the system first.
    const outcome = outcomes.find((each) => each.part === part);
    return outcome === undefined ? [] : rowsOfPart(outcome.result);
  });
  const { spec } = compile(chartOf(rows, runs[0].machine));
  const view = new vega.View(vega.parse(spec), { renderer: 'none' });
  await writeFile(picture, `${await view.toSVG()}\n`);
  for (const { label, ratio } of rows) console.log(`${ratio.toFixed(2).padStart(6)}x  ${label}`);
}

if (process.argv.length < 4) {
  console.error('Usage: node bench/plot.mjs <picture.svg> <samples.json>...');
  process.exitCode = 2;
} else await main(process.argv.slice(2));
