import { readFile, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { forEachFile, sizeOfFile } from './small-files.mjs';

// Runs in Bun. Each line names a task to run once for all files: readFile or stat.
const [folder, count, depth] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];

const works = {
  readFile: async (path, number) => {
    const { byteLength } = await readFile(path);
    if (byteLength !== sizeOfFile(number)) throw new Error(`${path} has ${byteLength} bytes`);
  },
  stat: async (path, number) => {
    const { size } = await stat(path);
    if (size !== sizeOfFile(number)) throw new Error(`${path} has ${size} bytes`);
  },
};

for await (const name of createInterface({ input: process.stdin })) {
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  await forEachFile(folder, count, depth, works[name]);
  const elapsedMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpuBefore);
  console.log(
    JSON.stringify({ perSecond: count / (elapsedMs / 1000), cpuUs: (user + system) / count }),
  );
}
