// Runs in Bun, Deno and Node where the package has been installed: what each must be able to do.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import {
  copy,
  createReadStream,
  createWriteStream,
  engine,
  hashFile,
  mirror,
  open,
  readFile,
  verify,
  writeFile,
} from 'overlapped';
import { register, unregister } from 'overlapped/fs';

const content = Buffer.alloc(3_000_001, 'overlapped ');

async function readAndWrite(file) {
  await writeFile(file, content);
  assert.ok((await readFile(file)).equals(content));
  const handle = await open(file, 'r+');
  const reads = Array.from({ length: 200 }, (_, index) =>
    handle.read(Buffer.alloc(4096), { position: index * 4096 }),
  );
  for (const { bytesRead } of await Promise.all(reads)) assert.equal(bytesRead, 4096);
  await handle.chmod(0o640);
  assert.equal((await handle.stat()).mode & 0o777, 0o640);
  await handle.close();
  await assert.rejects(open(`${file}-none`), { code: 'ENOENT' });
}

async function stream(file) {
  let length = 0;
  for await (const chunk of createReadStream(file)) length += chunk.length;
  assert.equal(length, content.length);
  await pipeline(createReadStream(file), createWriteStream(`${file}-piped`));
  assert.ok(fs.readFileSync(`${file}-piped`).equals(content));
}

async function copyAndVerify(file) {
  const { verified } = await copy(file, `${file}-copy`, { verify: true });
  assert.equal(verified, true);
  assert.equal((await verify(file, `${file}-copy`)).equal, true);
  assert.equal(await hashFile(file), await hashFile(`${file}-copy`));
  fs.mkdirSync(`${file}-tree/folder`, { recursive: true });
  fs.writeFileSync(`${file}-tree/folder/file`, 'content');
  await mirror(`${file}-tree`, `${file}-mirror`);
  assert.equal(fs.readFileSync(`${file}-mirror/folder/file`, 'utf8'), 'content');
}

async function registerAndRead(file) {
  register();
  const { submitted } = engine.stats();
  assert.ok((await fs.promises.readFile(file)).equals(content));
  const read = await new Promise((resolve, reject) => {
    fs.readFile(file, (error, bytes) => (error ? reject(error) : resolve(bytes)));
  });
  assert.ok(read.equals(content));
  assert.ok(engine.stats().submitted >= submitted + 2);
  assert.deepEqual(unregister(), []);
}

/** A loop of cached reads lets timers run. */
async function beFair(file) {
  const handle = await open(file);
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  while (ticks < 3) await handle.read(Buffer.alloc(4096), { position: 0 });
  clearInterval(timer);
  await handle.close();
}

async function useWorkers(file) {
  for (const ending of ['itself', 'terminated']) {
    const worker = new Worker(new URL(import.meta.url), { workerData: { file, ending } });
    // A thread that has ended emits its last message and 'exit' without a pause between them.
    const exited = new Promise((resolve) => worker.on('exit', resolve));
    const message = await new Promise((resolve, reject) => {
      worker.on('message', resolve);
      worker.on('error', reject);
    });
    assert.equal(message, content.length);
    if (ending === 'terminated') await worker.terminate();
    await exited;
  }
}

if (isMainThread) {
  const file = path.join(process.argv[2], 'file');
  const steps = [readAndWrite, stream, copyAndVerify, registerAndRead, beFair, useWorkers];
  for (const step of steps) await step(file);
  const { bun, deno } = process.versions;
  const runtime = bun ? `Bun ${bun}` : deno ? `Deno ${deno}` : `Node ${process.version}`;
  console.log(`${engine.kind} (${engine.reason ?? 'the best engine'}) on ${runtime}`);
} else {
  parentPort.postMessage((await readFile(workerData.file)).length);
  if (workerData.ending === 'terminated') setInterval(() => {}, 1000);
}
