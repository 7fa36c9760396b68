import { expect, test } from 'vitest';
import { distUrl, fileWith, resultOfChild } from '../helpers.js';

const registerUrl = distUrl('register.js');
const fsUrl = distUrl('fs.js');
const indexUrl = distUrl('index.js');
const file = JSON.stringify(fileWith('content'));

// Reports whether fs.promises.readFile() of a thread runs on the engine of that thread.
const report = `
const { parentPort } = require('node:worker_threads');
const { readFile } = require('node:fs/promises');
import(${JSON.stringify(indexUrl)}).then(async ({ engine }) => {
  const before = engine.stats().submitted;
  const text = await readFile(${file}, 'utf8');
  parentPort.postMessage([text, engine.stats().submitted > before]);
});
`;
const commonJs = JSON.stringify(fileWith(report, 'worker.cjs'));
const moduleFile = JSON.stringify(
  fileWith(
    `import { createRequire } from 'node:module';
     const require = createRequire(import.meta.url);
     ${report}`,
    'worker.mjs',
  ),
);
const ask = `
const ask = async (...args) => {
  const worker = new Worker(...args);
  const [message] = await once(worker, 'message');
  await worker.terminate();
  return message;
};
`;
const viaImport = `await import('${registerUrl}'); ${ask}`;
const yes = ['content', true];
const no = ['content', false];

test('workers of a program that was started with --import are served', async () => {
  const script = `${ask}
    console.log(JSON.stringify([await ask(${commonJs}), await ask(${moduleFile}),
      await ask(${JSON.stringify(report)}, { eval: true })]));`;
  const flags = [`--import=${registerUrl}`];
  expect(await resultOfChild(script, { flags })).toEqual([yes, yes, yes]);
});

test('workers created after an import are served, by name and by default', async () => {
  const script = `${viaImport}
    const { default: threads } = await import('node:worker_threads');
    const same = threads.Worker === Worker;
    console.log(JSON.stringify([same, await ask(${commonJs}), await ask(${moduleFile}),
      await ask(${JSON.stringify(report)}, { eval: true }),
      await ask(new URL('file:///' + ${commonJs}.replaceAll('\\\\', '/').replace(/^\\//, '')))]));`;
  expect(await resultOfChild(script)).toEqual([true, yes, yes, yes, yes]);
});

test('workers with their own flags, and with flags that no worker accepts', async () => {
  const script = `${viaImport}
    console.log(JSON.stringify([await ask(${commonJs}, { execArgv: [] }),
      await ask(${commonJs}, { execArgv: ['--no-warnings'] }), await ask(${commonJs})]));`;
  const flags = ['--expose-gc', '--max-old-space-size=512'];
  expect(await resultOfChild(script, { flags })).toEqual([yes, yes, yes]);
});

test('workers of workers are served', async () => {
  const inner = JSON.stringify(
    `const { parentPort, Worker } = require('node:worker_threads');
     new Worker(${commonJs}).on('message', (message) => parentPort.postMessage(message));`,
  );
  const script = `${viaImport} console.log(JSON.stringify(await ask(${inner}, { eval: true })));`;
  expect(await resultOfChild(script)).toEqual(yes);
});

test('Worker stays the class it was', async () => {
  const script = `
    const before = Worker;
    const length = Worker.length;
    await import('${registerUrl}');
    const worker = new Worker('setTimeout(() => {}, 1e6)', { eval: true });
    class Derived extends Worker {}
    const derived = new Derived('', { eval: true });
    const error = (call) => { try { call(); } catch ({ code }) { return code; } };
    console.log(JSON.stringify([worker instanceof before, worker instanceof Worker,
      derived instanceof Derived, derived instanceof Worker, Worker.name, Worker.length === length,
      error(() => new Worker()), error(() => new Worker('x.js', { execArgv: 'x' })),
      error(() => new Worker('', { eval: true, execArgv: ['--no-such-flag'] }))]));
    await worker.terminate();`;
  const yeses = [true, true, true, true];
  const codes = ['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_TYPE', 'ERR_WORKER_INVALID_EXEC_ARGV'];
  expect(await resultOfChild(script)).toEqual([...yeses, 'Worker', true, ...codes]);
});

test("workers created after unregister() use Node's functions", async () => {
  const script = `${viaImport}
    const first = await ask(${commonJs});
    (await import('${fsUrl}')).unregister();
    console.log(JSON.stringify([first, await ask(${commonJs})]));`;
  expect(await resultOfChild(script)).toEqual([yes, no]);
});

test('workers are served where require() takes no ES modules', async () => {
  const script = `${viaImport} console.log(JSON.stringify(await ask(${commonJs})));`;
  const flags = ['--no-experimental-require-module'];
  expect(await resultOfChild(script, { flags })).toEqual(yes);
});

// Node 20 and 22 abort if a thread is terminated while it is in require() of an ES module.
test('workers that are terminated while they load do not end the process', async () => {
  const source = JSON.stringify(`require('node:worker_threads').parentPort.postMessage('loaded');`);
  const script = `${viaImport}
    const start = performance.now();
    await ask(${source}, { eval: true });
    const loadingMs = performance.now() - start;
    for (let round = 0; round < 60; round++) {
      const worker = new Worker(${source}, { eval: true });
      await sleep(loadingMs * (0.3 + 0.9 * (round % 15) / 15));
      await worker.terminate();
    }
    console.log(JSON.stringify(await ask(${commonJs})));`;
  expect(await resultOfChild(script)).toEqual(yes);
});
