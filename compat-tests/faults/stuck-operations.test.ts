import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect } from 'vitest';
import { isLinux, resultOfChild, runChild, temporaryFolder, testWhere } from '../helpers.js';

// A file system whose server does not answer: an operation on it delays only itself.

const isPossible = isLinux && process.getuid?.() === 0 && fs.existsSync('/dev/fuse');
const testStuck = testWhere(isPossible, 'only the superuser of Linux mounts a file system');

let folder: string;
let server: ReturnType<typeof spawn>;

beforeAll(async () => {
  if (!isPossible) return;
  folder = temporaryFolder();
  const script = fileURLToPath(new URL('silent-server.mjs', import.meta.url));
  server = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(server.stdout as NodeJS.ReadableStream, 'data');
});

afterAll(async () => {
  if (!isPossible) return;
  // Once the server has been killed, the system fails the requests that wait for an answer.
  server.kill('SIGKILL');
  await once(server, 'exit');
  spawnSync('umount', ['-l', folder]);
});

testStuck('others of its batch are served, and can be aborted', async () => {
  const script = `
    stat(argument + '/x').catch(() => {});
    const controller = new AbortController();
    const others = Array.from({ length: 30 }, () => stat('/'));
    const queued = Array.from({ length: 100 }, (_, i) =>
      stat(argument + '/y' + i, { signal: controller.signal }).catch((error) => error.name));
    const served = await Promise.all(others);
    controller.abort();
    // Operations that wait for a worker end at once; the system already has a few of them.
    const names = await Promise.any(queued);
    console.log(JSON.stringify([served.length, names]));
    process.exit();`;
  expect(await resultOfChild(script, { args: [folder] })).toEqual([30, 'AbortError']);
});

testStuck('process.exit() ends a process with stuck operations', async () => {
  const script = `
    stat(argument + '/x').catch(() => {});
    readFile(argument + '/y').catch(() => {});
    await stat('/');
    process.exit(7);`;
  const { code, signal } = await runChild(script, { args: [folder] });
  expect({ code, signal }).toEqual({ code: 7, signal: null });
});

testStuck('terminate() ends a thread with stuck operations, and others go on', async () => {
  const script = `
    if (isMainThread) {
      const worker = new Worker(new URL(import.meta.url), { argv: [argument] });
      await once(worker, 'message');
      await worker.terminate();
      const status = await stat('/');
      console.log(JSON.stringify(status.isDirectory()));
      process.exit();
    } else {
      stat(argument + '/x').catch(() => {});
      await stat('/');
      parentPort.postMessage('stuck');
    }`;
  expect(await resultOfChild(script, { args: [folder] })).toBe(true);
});
