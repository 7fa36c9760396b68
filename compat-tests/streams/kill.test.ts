import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { builtModule, randomBytes, temporaryFolder, unbufferedFolder, until } from '../helpers.js';

const pattern = randomBytes(1_000_003);

// Writes the pattern repeatedly, and reports after each sync how far the file is complete. It
// writes no further than some distance ahead, so that slow syncs do not make the file huge.
const script = `
  import * as fs from 'node:fs';
  import { Readable } from 'node:stream';
  const [module, patternFile, file, unbuffered] = process.argv.slice(2);
  const { createWriteStream } = await import(module);
  const pattern = fs.readFileSync(patternFile);
  const stream = createWriteStream(file, { unbuffered: unbuffered === 'true' });
  const aheadMax = 64 * 1024 ** 2;
  let [at, flushed, synced] = [0, 0, 0];
  let [isSyncing, isWaiting] = [false, false];
  const push = () => {
    isWaiting = at - synced > aheadMax;
    if (isWaiting) return;
    const size = 1 + ((at * 7919) % 150_000);
    const start = at % pattern.length;
    const chunk = pattern.subarray(start, start + size);
    at += chunk.length;
    source.push(chunk);
  };
  const source = new Readable({ read: push });
  const sync = () => {
    if (isSyncing || synced === flushed) return;
    isSyncing = true;
    const position = flushed;
    fs.fsync(stream.fd, (error) => {
      if (!error) fs.writeSync(1, position + '\\n');
      synced = position;
      isSyncing = false;
      sync();
      if (isWaiting) push();
    });
  };
  stream.on('progress', (flushedPosition) => {
    flushed = flushedPosition;
    sync();
  });
  source.pipe(stream);
`;

let folder: string;
beforeAll(async () => {
  folder = await unbufferedFolder();
});

async function positionReportedBefore(kill: string, unbuffered: boolean): Promise<number> {
  const base = temporaryFolder();
  const program = path.join(base, 'writer.mjs');
  const patternFile = path.join(base, 'pattern');
  fs.writeFileSync(program, script);
  fs.writeFileSync(patternFile, pattern);
  const module = pathToFileURL(path.join(path.dirname(builtModule), 'fs.js')).href;
  const args = [program, module, patternFile, kill, String(unbuffered)];
  // A file instead of a pipe, which Node cannot open under Wine.
  const output = path.join(base, 'output');
  const descriptor = fs.openSync(output, 'w');
  const reports = (): string[] => fs.readFileSync(output, 'utf8').split('\n').slice(0, -1);
  const child = spawn(process.execPath, args, { stdio: ['ignore', descriptor, 'inherit'] });
  const ended = new Promise((resolve) => child.on('exit', (_code, signal) => resolve(signal)));
  await until(() => reports().length > 4);
  child.kill('SIGKILL');
  expect(await ended).toBe('SIGKILL');
  fs.closeSync(descriptor);
  return Number(reports().at(-1));
}

for (const unbuffered of [false, true]) {
  const kind = unbuffered ? 'unbuffered' : 'buffered';
  test(`a ${kind} file is complete up to what its killed writer reported`, async () => {
    const file = path.join(folder, `killed-${kind}`);
    const position = await positionReportedBefore(file, unbuffered);
    expect(position).toBeGreaterThan(0);
    const written = fs.readFileSync(file);
    expect(written.byteLength).toBeGreaterThanOrEqual(position);
    for (let at = 0; at < position; at += pattern.byteLength) {
      const length = Math.min(pattern.byteLength, position - at);
      const part = written.subarray(at, at + length);
      expect(part.equals(pattern.subarray(0, length))).toBe(true);
    }
  });
}
