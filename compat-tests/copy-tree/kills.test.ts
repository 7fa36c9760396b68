import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect } from 'vitest';
import { copy, copyTree, mirror } from '../../lib/index.js';
import { distUrl, isWindows, randomBytes, temporaryFolder, testWhere } from '../helpers.js';
import { whole } from './trees.js';

// Processes that copy are killed at random moments. KILLS is the number of kills of each kind of
// copy: KILLS=250 makes 1,000 for each engine. FAST_CHECK_SEED selects other moments.
const kills = Number(process.env.KILLS ?? 8);
const killsMsMax = 300_000 + kills * 5_000;
const KiB = 1024;

const script = `
import { createInterface } from 'node:readline';
const api = await import(${JSON.stringify(distUrl('index.js'))});
await api.stat('.');
console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const { action, from, to, options } = JSON.parse(line);
  const begun = performance.now();
  const { errors = [] } = await api[action](from, to, options);
  if (errors.length > 0) throw errors[0].error;
  console.log(performance.now() - begun);
  break;
}
process.exit();
`;

interface Job {
  action: 'copy' | 'copyTree' | 'mirror';
  from: string;
  to: string;
  options: object;
}

/** Starts processes ahead of time, so that each kill meets a copy and not the start of Node. */
class Victims {
  readonly #file = path.join(temporaryFolder(), 'victim.mjs');
  readonly #random = randomBytes(4 * 100_000, Number(process.env.FAST_CHECK_SEED ?? 1) + 1);
  #next: ChildProcess;
  // Milliseconds within which kills fall; follows the time that a copy takes.
  #range = 100;
  #count = 0;

  constructor() {
    fs.writeFileSync(this.#file, script);
    this.#next = this.#start();
  }

  #start(): ChildProcess {
    return spawn(process.execPath, [this.#file], { stdio: ['pipe', 'pipe', 'inherit'] });
  }

  /** Runs a job in a process and kills it. @returns whether the job was running */
  async kill(job: Job): Promise<boolean> {
    const child = this.#next;
    // Unlike 'exit', this comes after the last output.
    const closed = once(child, 'close');
    const output = child.stdout as NodeJS.ReadableStream;
    await once(output, 'data');
    this.#next = this.#start();
    let tookMs = 0;
    output.on('data', (data: Buffer) => {
      tookMs = Number(data);
    });
    const share = this.#random.readUInt32LE(4 * (this.#count++ % 100_000)) / 2 ** 32;
    const timer = setTimeout(() => child.kill('SIGKILL'), share * this.#range);
    child.stdin?.write(`${JSON.stringify(job)}\n`);
    const [code, signal] = await closed;
    clearTimeout(timer);
    if (signal === null) expect(code).toBe(0);
    this.#range = tookMs > 0 ? (this.#range + tookMs * 1.2) / 2 : this.#range * 1.02;
    return signal === 'SIGKILL' && tookMs === 0;
  }

  /** Kills processes until enough of them were at work. */
  async killMany(jobOf: (round: number) => Job, check: () => void): Promise<void> {
    for (let killed = 0, round = 0; killed < kills; round++) {
      if (await this.kill(jobOf(round))) killed++;
      check();
      expect(round).toBeLessThan(kills * 5 + 50);
    }
  }

  end(): void {
    this.#next.kill('SIGKILL');
  }
}

async function withVictims(work: (victims: Victims) => Promise<void>): Promise<void> {
  const victims = new Victims();
  await work(victims).finally(() => victims.end());
}

const isTemporary = (name: string): boolean => path.basename(name).startsWith('.overlapped-');
const testOnPosix = testWhere(!isWindows, 'each process takes seconds to start under Wine');

/** Every other pair of rounds keeps all metadata, which takes other steps. */
function metadataOf(round: number): { metadata?: true } {
  return Math.floor(round / 2) % 2 === 1 ? { metadata: true } : {};
}

/** Two states of a tree: other contents, other sizes, and entries that change their kind. */
function twoTrees(): [string, string] {
  const base = temporaryFolder();
  const trees = ['a', 'b'].map((name, version) => {
    const tree = path.join(base, name);
    for (let folder = 0; folder < 6; folder++) {
      fs.mkdirSync(path.join(tree, `d${folder}`, 'below'), { recursive: true });
      for (let file = 0; file < 12; file++) {
        const size = 100 + ((folder * 12 + file) % 9) ** 3 * (700 + 13 * version);
        const data = randomBytes(size, 1 + version * 1000 + folder * 12 + file);
        fs.writeFileSync(path.join(tree, `d${folder}`, file % 3 ? 'below' : '', `f${file}`), data);
      }
    }
    fs.writeFileSync(
      path.join(tree, 'large'),
      randomBytes((900 + 100 * version) * KiB, 5 + version),
    );
    fs.writeFileSync(path.join(tree, `only ${name}`), name);
    if (version === 0) fs.writeFileSync(path.join(tree, 'kind'), 'a file');
    else fs.mkdirSync(path.join(tree, 'kind', 'below'), { recursive: true });
    return tree;
  });
  return trees as [string, string];
}

/** Files of a tree under their own names. */
function filesIn(tree: string): string[] {
  if (!fs.existsSync(tree)) return [];
  const names = fs.readdirSync(tree, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => !isTemporary(name) && fs.lstatSync(path.join(tree, name)).isFile());
}

/** Every file has the whole content of one of the sources. */
function expectWholeFiles(to: string, sources: readonly string[]): void {
  for (const name of filesIn(to)) {
    const content = fs.readFileSync(path.join(to, name));
    const isWhole = sources.some((source) => {
      const from = path.join(source, name);
      return (
        fs.existsSync(from) && fs.statSync(from).isFile() && content.equals(fs.readFileSync(from))
      );
    });
    expect(isWhole, name).toBe(true);
  }
}

/** Every file that looks like a copy, by its size and time, is one. */
function expectTrueFiles(to: string, sources: readonly string[]): void {
  for (const name of filesIn(to)) {
    const there = fs.statSync(path.join(to, name));
    for (const source of sources) {
      const from = path.join(source, name);
      const status = fs.statSync(from, { throwIfNoEntry: false });
      if (!status?.isFile() || status.size !== there.size) continue;
      if (Math.abs(status.mtimeMs - there.mtimeMs) > 0.01) continue;
      const isSame = fs.readFileSync(path.join(to, name)).equals(fs.readFileSync(from));
      expect(isSame, name).toBe(true);
    }
  }
}

testOnPosix(
  'a mirror that is killed leaves only whole files under their names',
  () =>
    withVictims(async (victims) => {
      const sources = twoTrees();
      const to = path.join(temporaryFolder(), 'to');
      const jobOf = (round: number): Job => {
        if (round % 10 === 9) fs.rmSync(to, { recursive: true, force: true });
        const from = sources[round % 2] as string;
        return { action: 'mirror', from, to, options: metadataOf(round) };
      };
      await victims.killMany(jobOf, () => expectWholeFiles(to, sources));
      expect((await mirror(sources[0], to)).errors).toEqual([]);
      expect(whole(to)).toEqual(whole(sources[0]));
    }),
  killsMsMax,
);

testOnPosix(
  'a copy in place that is killed leaves no file that looks finished and is not',
  () =>
    withVictims(async (victims) => {
      const sources = twoTrees();
      const to = path.join(temporaryFolder(), 'to');
      const options = { atomic: false, delete: true };
      const jobOf = (round: number): Job => {
        if (round % 10 === 9) fs.rmSync(to, { recursive: true, force: true });
        const from = sources[round % 2] as string;
        return { action: 'copyTree', from, to, options: { ...options, ...metadataOf(round) } };
      };
      await victims.killMany(jobOf, () => expectTrueFiles(to, sources));
      expect((await copyTree(sources[0], to, options)).errors).toEqual([]);
      expect(whole(to)).toEqual(whole(sources[0]));
    }),
  killsMsMax,
);

for (const resume of [false, true]) {
  testOnPosix(
    `a copy that is killed leaves the old file or the new one, resume: ${resume}`,
    () =>
      withVictims(async (victims) => {
        const folder = temporaryFolder();
        const to = path.join(folder, 'to');
        const sources = [0, 1].map((version) => {
          const file = path.join(folder, `from ${version}`);
          fs.writeFileSync(file, randomBytes((6 + version) * 1024 * KiB, 3 + version));
          return file;
        });
        const options = { strategy: 'engine', chunkSize: 64 * KiB, queueDepth: 2, resume };
        // With `resume` each source is tried several times in a row.
        const jobOf = (round: number): Job => {
          const from = sources[Math.floor(round / 5) % 2] as string;
          return { action: 'copy', from, to, options: { ...options, ...metadataOf(round) } };
        };
        const contents = sources.map((source) => fs.readFileSync(source));
        await victims.killMany(jobOf, () => {
          if (!fs.existsSync(to)) return;
          const content = fs.readFileSync(to);
          expect(contents.some((whole) => whole.equals(content))).toBe(true);
        });
        await copy(sources[0] as string, to, { resume });
        expect(fs.readFileSync(to).equals(contents[0] as Buffer)).toBe(true);
      }),
    killsMsMax,
  );
}
