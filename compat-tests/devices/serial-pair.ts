import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { openSerialPort } from '../../lib/devices/index.js';
import { isWindows, temporaryFolder, until } from '../helpers.js';

/** The paths of two connected serial ports. */
export interface SerialPair {
  one: string;
  other: string;
  end(): void;
}

// Under Wine, scripts/win32.mjs creates the pairs and passes their names.
const serialNames = process.env.OVERLAPPED_SERIAL_PAIR?.split(',');
const parallelNames = process.env.OVERLAPPED_PARALLEL_PAIR?.split(',');
const hasSocat = !isWindows && spawnSync('socat', ['-V']).status === 0;

export const hasSerialPair = hasSocat || serialNames !== undefined;
export const hasParallelPair = hasSocat || parallelNames !== undefined;

/** Discards what an earlier user of the other end has sent and nobody has read. */
async function discardUnread(name: string): Promise<void> {
  const port = await openSerialPort(name, { readTimeoutMs: 100 });
  const buffer = Buffer.alloc(4096);
  while ((await port.read(buffer)).bytesRead > 0);
  await port.close();
}

export async function serialPair(): Promise<SerialPair> {
  if (serialNames === undefined) return terminalPair();
  const [one, other] = serialNames as [string, string];
  await discardUnread(one);
  await discardUnread(other);
  return { one, other, end: () => {} };
}

/** `one` is a parallel port, and `other` a serial port at its other end. */
export async function parallelPair(): Promise<SerialPair> {
  if (parallelNames === undefined) return terminalPair();
  const [one, other] = parallelNames as [string, string];
  return { one, other, end: () => {} };
}

async function terminalPair(): Promise<SerialPair> {
  const folder = temporaryFolder();
  const ends = ['one', 'other'].map((name) => path.join(folder, name)) as [string, string];
  const ptys = ends.map((end) => `pty,raw,echo=0,link=${end}`);
  const socat = spawn('socat', ptys, { stdio: 'ignore' });
  await until(() => ends.every((end) => fs.existsSync(end)));
  return { one: ends[0], other: ends[1], end: () => socat.kill() };
}
