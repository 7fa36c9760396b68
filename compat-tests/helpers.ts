import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { beforeEach, test } from 'vitest';
import {
  type AlignmentError,
  type CopyOptions,
  copy,
  type FileCopyReport,
  type FileHandle,
  open,
  type PathLike,
} from '../lib/index.js';

export const isWindows = process.platform === 'win32';
export const isLinux = process.platform === 'linux';
export const packageFolder = fileURLToPath(new URL('..', import.meta.url));
export const builtModule = path.join(packageFolder, 'dist', 'index.js');

/** Returns the URL of a module of the built package. @param name relative to dist/, with slashes */
export function distUrl(name: string): string {
  return pathToFileURL(path.join(packageFolder, 'dist', name)).href;
}

/**
 * test() on machines that have what the test needs. Elsewhere the test is skipped, and its name
 * gives the reason; with `mustRun` it fails in CI instead.
 */
export function testWhere(
  possible: boolean,
  reason: string,
  { mustRun = false, concurrent = false } = {},
): (name: string, run: () => Promise<void> | void, timeoutMs?: number) => void {
  if (possible) return concurrent ? test.concurrent : test;
  if (mustRun && process.env.CI) {
    return (name) =>
      test(name, () => {
        throw new Error(`CI must run this: ${reason}`);
      });
  }
  return (name) => test.skip(`${name} [skipped: ${reason}]`);
}

/** Runs a function before a test that has failed is run again, to forget what the tests share. */
export function onRetry(forget: () => void): void {
  beforeEach(({ task }) => {
    if (task.result?.retryCount) forget();
  });
}

// ---- Files

const removals: (() => void)[] = [];

/** Called by setup.ts after the tests of each file. */
export function removeTemporaryFolders(): void {
  for (const remove of removals.splice(0)) remove();
}

/** Creates a folder that is removed after the tests of the file. */
export function temporaryFolder(parent = os.tmpdir()): string {
  const folder = fs.mkdtempSync(path.join(fs.realpathSync(parent), 'overlapped-'));
  removals.push(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/**
 * Pseudorandom bytes that are the same for the same seed, so that failures can be reproduced.
 * (A xorshift generator: G. Marsaglia, "Xorshift RNGs", 2003.)
 */
export function randomBytes(size: number, seed = 1): Buffer {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return Buffer.from(words.buffer, 0, size);
}

export function sha256(data: NodeJS.ArrayBufferView): string {
  return createHash('sha256').update(data).digest('hex');
}

export function sha256OfFile(file: string): string {
  return sha256(fs.readFileSync(file));
}

/** Creates a file with this content in a new folder. */
export function fileWith(content: NodeJS.ArrayBufferView | string, name = 'file'): string {
  const file = path.join(temporaryFolder(), name);
  fs.writeFileSync(file, content);
  return file;
}

/**
 * Whether data was read from a file that was cut to `kept` bytes meanwhile. The system fills the
 * removed part with zeros, and a read at that moment may return them.
 */
export function isOfCutFile(read: Buffer, whole: Buffer, kept: number): boolean {
  if (read.length < kept || read.length > whole.length) return false;
  if (read.equals(whole.subarray(0, read.length))) return true;
  return (
    read.subarray(0, kept).equals(whole.subarray(0, kept)) &&
    read.every((byte, place) => byte === whole[place] || (byte === 0 && place >= kept))
  );
}

// ---- Files whose reads stay in flight (POSIX)

/** Creates a FIFO. If it is opened with 'r+', its reads wait until someone writes. */
export function makeFifo(): string {
  const fifo = path.join(temporaryFolder(), 'fifo');
  execFileSync('mkfifo', [fifo]);
  return fifo;
}

export const testWithFifo = testWhere(!isWindows, 'Windows has no FIFO to keep reads in flight');

/** Opens a FIFO several times, because reads on one handle's cursor wait for each other. */
export function openFifo(fifo: string, count: number): Promise<FileHandle[]> {
  return Promise.all(Array.from({ length: count }, () => open(fifo, 'r+')));
}

// ---- Files on a disk, for unbuffered handles

/** A new folder on a file system with direct I/O: in the temporary folder, or in the package. */
export async function unbufferedFolder(): Promise<string> {
  const folders = [os.tmpdir(), packageFolder];
  for (const parent of folders) {
    const folder = temporaryFolder(parent);
    const file = path.join(folder, 'probe');
    try {
      const handle = await open(file, 'w', { unbuffered: true });
      await handle.close();
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
    }
  }
  throw new Error(`Neither of ${folders.join(', ')} takes direct I/O, which these tests need`);
}

// ---- Mounts (Linux)

/**
 * Unmounts a file system. What closed its last file may still hold it for a moment, such as a
 * thread of io_uring, so it tries for a while.
 */
export async function unmount(folder: string): Promise<void> {
  const end = Date.now() + 60_000;
  for (;;) {
    const { status, stderr } = spawnSync('umount', [folder], { encoding: 'utf8' });
    if (status === 0) return;
    if (Date.now() > end) throw new Error(`umount ended with ${status}: ${stderr}`);
    await sleep(20);
  }
}

// ---- Outcomes

export interface Settled {
  value?: unknown;
  error?: NodeJS.ErrnoException & Partial<AlignmentError>;
}

/** The outcome of a promise; never rejects. */
export async function settled(promise: Promise<unknown>): Promise<Settled> {
  try {
    return { value: await promise };
  } catch (error) {
    return { error: error as NonNullable<Settled['error']> };
  }
}

/** The error of a promise that must reject. */
export async function rejection(promise: Promise<unknown>): Promise<NonNullable<Settled['error']>> {
  const { error, value } = await settled(promise);
  if (error === undefined) throw new Error(`It resolved, to ${String(value)}`);
  return error;
}

/** Waits for a condition; fails on timeout. */
export async function until(condition: () => boolean, msMax = 120_000): Promise<void> {
  const end = Date.now() + msMax;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`Not within ${msMax} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/**
 * Runs a check that others on the machine may disturb, such as its use of memory, until it passes
 * once. A lasting fault of the product fails every attempt.
 */
export async function inAttempts(check: () => Promise<void>, most = 5): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await check();
    } catch (error) {
      if (attempt === most) throw error;
    }
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Returns how many descriptors of this process lead to a file, on Linux. With a place, it counts
 * only those of that file or of files below that folder. Pipes, event counters, rings and files
 * in /proc are never counted otherwise, because Node and the engine open some of their own when
 * they first need them.
 */
export function openDescriptors(place = ''): number {
  const targets = fs.readdirSync('/proc/self/fd').map((descriptor) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      return '';
    }
  });
  const isCounted =
    place === ''
      ? (target: string) => /^\/(?!proc\/|memfd:)/.test(target)
      : (target: string) => target === place || target.startsWith(`${place}/`);
  return targets.filter(isCounted).length;
}

// ---- Child processes

export interface ChildResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface ChildOptions {
  /** Flags for Node. */
  flags?: readonly string[];
  /** The arguments of the script. */
  args?: readonly string[];
  env?: Record<string, string | undefined>;
  /** A program that starts Node, with its arguments. */
  launcher?: readonly string[];
  /** The file name of the script; its extension determines the kind of module. */
  name?: string;
  /** The folder where the script is written and runs. Default: a new folder. */
  folder?: string;
  /** Milliseconds before the child is killed by SIGKILL. Default: less than a test may take. */
  msMax?: number;
}

const builtUrl = JSON.stringify(distUrl('index.js'));

// Imports for the scripts of tests, which are modules with a top-level await.
const prelude = `
import * as fs from 'node:fs';
import * as path from 'node:path';
import { once } from 'node:events';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { engine, open, readFile, stat, writeFile } from ${builtUrl};
const [argument] = process.argv.slice(2);
`;

/**
 * Runs a script as a child process, on the engine under test. Its output goes to files, because
 * Node under Wine cannot open a pipe there.
 */
export async function runChild(script: string, options: ChildOptions = {}): Promise<ChildResult> {
  const { flags = [], args = [], env = {}, launcher = [], name = 'child.mjs' } = options;
  const folder = options.folder ?? temporaryFolder();
  const file = path.join(folder, name);
  fs.writeFileSync(file, name.endsWith('.mjs') ? prelude + script : script);
  const outputs = ['stdout', 'stderr'].map((output) => path.join(folder, output));
  const descriptors = outputs.map((output) => fs.openSync(output, 'w'));
  const command = [...launcher, process.execPath, ...flags, file, ...args];
  try {
    const child = spawn(command[0] as string, command.slice(1), {
      stdio: ['ignore', ...descriptors],
      env: childEnvironment(env),
      ...(options.folder ? { cwd: options.folder } : {}),
    });
    const ended = await new Promise<Pick<ChildResult, 'code' | 'signal'>>((resolve, reject) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), options.msMax ?? 240_000);
      child.on('error', reject);
      child.on('exit', (code, signal) => {
        clearTimeout(timer);
        resolve({ code, signal });
      });
    });
    const [stdout, stderr] = outputs.map((output) => fs.readFileSync(output, 'utf8'));
    return { ...ended, stdout: stdout as string, stderr: stderr as string };
  } finally {
    for (const descriptor of descriptors) fs.closeSync(descriptor);
  }
}

// Vitest marks its processes; a child is not one of them.
function childEnvironment(more: Record<string, string | undefined>): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, ...more };
  for (const name of Object.keys(env)) {
    if (name.startsWith('VITEST') || name === 'NODE_OPTIONS' || env[name] === undefined) {
      delete env[name];
    }
  }
  return env;
}

/** runChild() for a script that must succeed: returns the JSON in the last line of its output. */
export async function resultOfChild<T>(script: string, options?: ChildOptions): Promise<T> {
  const { code, signal, stdout, stderr } = await runChild(script, options);
  if (code !== 0 || stdout === '') {
    throw new Error(`The child ended with ${signal ?? `code ${code}`}\n${stdout}\n${stderr}`);
  }
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) as string) as T;
}

/** copy() of a file, with the report type for files. */
export async function copyOfFile(
  source: PathLike,
  destination: PathLike,
  options: CopyOptions = {},
): Promise<FileCopyReport> {
  const report = await copy(source, destination, options);
  if (report.kind !== 'file') throw new Error(`${source} is not a file`);
  return report;
}
