import { createInterface } from 'node:readline';

// Runs in Bun. Each line is JSON: source, destination, and whether the copy must be durable.
for await (const line of createInterface({ input: process.stdin })) {
  const { from, to, isSynced } = JSON.parse(line);
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  await Bun.write(Bun.file(to), Bun.file(from));
  if (isSynced) {
    const { fsyncSync, openSync, closeSync } = await import('node:fs');
    const descriptor = openSync(to, 'r+');
    fsyncSync(descriptor);
    closeSync(descriptor);
  }
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  console.log(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6 }));
}
