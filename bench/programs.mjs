import fs from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { median, medianOf, ratioOf } from './lib/measure.mjs';
import { Peer, sides } from './lib/registered.mjs';
import { printTable, shown } from './lib/table.mjs';
import { programs, servers } from './programs/programs.mjs';

/** Whole processes of real programs, under plain Node and under overlapped/register in turns. */
export const title = 'programs';
export const fileSize = { full: 1_000, quick: 200 };
export const settings = {
  full: { rounds: 7, requests: 2_000 },
  quick: { rounds: 2, requests: 400 },
};

const connections = 16;

export async function makeSubject(count, parent) {
  if (!fs.existsSync(new URL('./programs/node_modules', import.meta.url))) {
    const message = 'The programs are not installed: run npm ci --prefix bench/programs';
    throw Object.assign(new Error(message), { code: 'ERR_NOT_INSTALLED' });
  }
  const { makeProgramSubject } = await import('./programs/subject.mjs');
  return makeProgramSubject(count, parent);
}

function get(agent, port, path) {
  return new Promise((resolve, reject) => {
    const request = http.get({ agent, port, path }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode}`));
      response.on('end', resolve).on('error', reject).resume();
    });
    request.on('error', reject);
  });
}

async function requestPages(port, count) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  let next = 0;
  const lane = async () => {
    while (next < count) await get(agent, port, `/page${next++ % 100}.html`);
  };
  await Promise.all(Array.from({ length: connections }, lane));
  agent.destroy();
}

/** The cost of one run of a program: { wallMs, cpuMs, rssMb }. */
async function runOnce(name, side, folder, requests) {
  const output = join(folder, 'output');
  fs.mkdirSync(output);
  const args = [name, join(folder, 'input'), output];
  // Some programs use deprecated functions of Node.
  const env = { ...process.env, NODE_NO_WARNINGS: '1' };
  const peer = new Peer('../programs/run.mjs', side, { args, env });
  try {
    const answer = await peer.ask();
    if (answer.port === undefined) return answer;
    await requestPages(answer.port, requests);
    return await peer.ask('end');
  } finally {
    await peer.close();
    fs.rmSync(output, { recursive: true });
  }
}

export async function run({ path: folder }, { rounds, requests, only = '' }) {
  const all = [...Object.keys(servers), ...Object.keys(programs)];
  const names = all.filter((name) => new RegExp(only).test(name));
  const order = Object.values(sides);
  const samples = {};
  for (const name of names) {
    samples[name] = Object.fromEntries(order.map((side) => [side, []]));
    // The first round warms the system's cache.
    for (let round = -1; round < rounds; round++) {
      for (const side of round % 2 === 0 ? order : order.toReversed()) {
        const sample = await runOnce(name, side, folder, requests);
        if (round >= 0) samples[name][side].push(sample);
      }
    }
  }
  return { samples };
}

const ratiosOf = (samples, field) =>
  Object.values(samples).map(({ [sides.node]: node, [sides.registered]: ours }) =>
    ratioOf(ours, node, field),
  );

export function print({ samples }) {
  console.log(`\n${title}: whole processes; ratios of register to plain Node`);
  const rows = Object.entries(samples).map(([name, { [sides.node]: node, ...others }]) => {
    const ours = others[sides.registered];
    return [
      name,
      shown(medianOf(node, 'wallMs'), 0),
      shown(ratioOf(ours, node, 'wallMs'), 2, 'x'),
      shown(medianOf(node, 'cpuMs'), 0),
      shown(ratioOf(ours, node, 'cpuMs'), 2, 'x'),
      shown(medianOf(ours, 'rssMb') - medianOf(node, 'rssMb'), 1),
    ];
  });
  const middle = (field) => shown(median(ratiosOf(samples, field)), 2, 'x');
  rows.push(['median', '', middle('wallMs'), '', middle('cpuMs'), '']);
  printTable(['', 'Node ms', 'time', 'Node CPU ms', 'CPU', 'more MB'], rows);
}

const noise = 1.03;

export function checks({ samples }, engineKind) {
  const each = Object.entries(samples).flatMap(([name, bySide]) =>
    ['wallMs', 'cpuMs'].map((field) => ({
      what: `${engineKind}, ${name}, ${field === 'wallMs' ? 'time' : 'CPU'}`,
      value: ratioOf(bySide[sides.registered], bySide[sides.node], field),
      limit: noise,
      atMost: true,
    })),
  );
  const value = median(ratiosOf(samples, 'cpuMs'));
  return [...each, { what: `${engineKind}, median CPU`, value, limit: 0.8, atMost: true }];
}
