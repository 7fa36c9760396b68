// Reads 4 KiB a given number of times, with so many reads in flight: win32-reads.mjs <who> <depth>
// <reads>. `scripts/win32.mjs calls` counts what it asks the system for.
import * as fs from 'node:fs';
import fsPromises from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';

const blockSize = 4096;
const blocks = 256;
const [who, depth, reads] = [process.argv[2], ...process.argv.slice(3).map(Number)];

const file = path.join(os.tmpdir(), `overlapped-reads-${process.pid}`);
fs.writeFileSync(file, Buffer.alloc(blocks * blockSize));
const open = who === 'node' ? fsPromises.open : (await import('../../dist/index.js')).open;
const handle = await open(file, 'r');
let left = reads;

async function readInTurn() {
  const buffer = Buffer.alloc(blockSize);
  while (left > 0) {
    left--;
    await handle.read(buffer, 0, blockSize, ((left * 7919) % blocks) * blockSize);
  }
}

await Promise.all(Array.from({ length: depth }, readInTurn));
await handle.close();
fs.unlinkSync(file);
