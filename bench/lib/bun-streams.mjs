import { createInterface } from 'node:readline';

// Runs in Bun. Each line names a file to read once.
for await (const path of createInterface({ input: process.stdin })) {
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  let bytes = 0;
  for await (const chunk of Bun.file(path).stream()) bytes += chunk.byteLength;
  const elapsedMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpuBefore);
  console.log(
    JSON.stringify({ perSecond: bytes / (elapsedMs / 1000), cpuUs: (user + system) / bytes }),
  );
}
