import { expect, test } from 'vitest';
import { distUrl, fileWith, isWindows, resultOfChild, testWhere } from '../helpers.js';

// Streams that a program drops without closing them. The program may close their descriptors if it
// knows the numbers: a number that it has closed may belong to another file.

const flags = ['--expose-gc'];
const builtUrl = JSON.stringify(distUrl('index.js'));

// The streams are dropped in separate functions. Nothing reports when they have been collected, so
// the tests wait for other objects of the same kind.
const tools = `
  const { createReadStream, createWriteStream } = await import(${builtUrl});
  const warnings = [];
  process.on('warning', (warning) => warnings.push(warning.message));
  async function collectAll() {
    for (let i = 0; i < 10; i++) {
      gc();
      await sleep(5);
    }
  }`;

for (const kind of ['read', 'write']) {
  test(`a descriptor that the program closed stays open for its next file (${kind})`, async () => {
    const script = `${tools}
      async function closedFd() {
        const stream = '${kind}' === 'read'
          ? createReadStream(argument, { autoClose: false })
          : createWriteStream(argument, { autoClose: false });
        if ('${kind}' === 'read') {
          stream.resume();
          await once(stream, 'end');
        } else {
          stream.end('x');
          await once(stream, 'finish');
        }
        const { fd } = stream;
        fs.closeSync(fd);
        return fd;
      }
      const before = await closedFd();
      const next = fs.openSync(argument, 'r+');
      await collectAll();
      const written = fs.writeSync(next, 'a record');
      console.log(JSON.stringify({ same: before === next, written, warnings }));`;
    const result = await resultOfChild(script, { flags, args: [fileWith('content')] });
    expect(result).toEqual({ same: true, written: 8, warnings: [] });
  });
}

test('a descriptor of a dropped stream that the program knows stays open', async () => {
  const script = `${tools}
    async function fdOf() {
      const stream = createReadStream(argument);
      await once(stream, 'open');
      return stream.fd;
    }
    const fd = await fdOf();
    await collectAll();
    const text = fs.readFileSync(fd, 'utf8');
    console.log(JSON.stringify({ text, warnings }));`;
  const result = await resultOfChild(script, { flags, args: [fileWith('content')] });
  expect(result).toEqual({ text: 'content', warnings: [] });
});

test('streams that are dropped before their end do not warn', async () => {
  const script = `${tools}
    async function drop() {
      for await (const _chunk of createReadStream(argument, { autoClose: false })) break;
      const ready = createReadStream(argument);
      await once(ready, 'ready');
    }
    for (let i = 0; i < 5; i++) await drop();
    await collectAll();
    console.log(JSON.stringify({ warnings }));`;
  const result = await resultOfChild(script, { flags, args: [fileWith('content')] });
  expect(result).toEqual({ warnings: [] });
});

testWhere(!isWindows, 'descriptors of Windows are of the C runtime, and no file has two')(
  'the end of a worker leaves a descriptor open that the worker closed itself',
  async () => {
    const script = `
      const worker = new Worker(\`
        const { parentPort, workerData } = require('node:worker_threads');
        const fs = require('node:fs');
        import(workerData.module).then(({ createReadStream }) => {
          const options = { autoClose: false };
          const stream = globalThis.kept = createReadStream(workerData.file, options);
          stream.resume().once('end', () => {
            const { fd } = stream;
            fs.closeSync(fd);
            parentPort.postMessage(fd);
          });
        });\`, { eval: true, workerData: { module: ${builtUrl}, file: argument } });
      const [before] = await once(worker, 'message');
      const next = fs.openSync(argument, 'r');
      await worker.terminate();
      const text = fs.readFileSync(next, 'utf8');
      console.log(JSON.stringify({ same: before === next, text }));`;
    const result = await resultOfChild(script, { flags, args: [fileWith('content')] });
    expect(result).toEqual({ same: true, text: 'content' });
  },
);
