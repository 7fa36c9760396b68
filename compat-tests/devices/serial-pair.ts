import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { isWindows, temporaryFolder, until } from '../helpers.js';

/** The paths of two connected serial ports. */
export interface SerialPair {
  one: string;
  other: string;
  end(): void;
}

// Under Wine, scripts/win32.mjs creates the pair and passes its names.
const named = process.env.OVERLAPPED_SERIAL_PAIR?.split(',');

export const hasSerialPair = isWindows
  ? named !== undefined
  : spawnSync('socat', ['-V']).status === 0;

export async function serialPair(): Promise<SerialPair> {
  if (named !== undefined) {
    const [one, other] = named as [string, string];
    return { one, other, end: () => {} };
  }
  const folder = temporaryFolder();
  const ends = ['one', 'other'].map((name) => path.join(folder, name)) as [string, string];
  const ptys = ends.map((end) => `pty,raw,echo=0,link=${end}`);
  const socat = spawn('socat', ptys, { stdio: 'ignore' });
  await until(() => ends.every((end) => fs.existsSync(end)));
  return { one: ends[0], other: ends[1], end: () => socat.kill() };
}
