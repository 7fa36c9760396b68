import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { measureOnce } from './measure.mjs';
import { forEachFile, pathOfFile } from './small-files.mjs';

// Runs in a process of its own, with node:fs as the process has it. Each message names a task,
// which is measured after a run that warms up: V8 drops the code of functions that have not run for
// some garbage collections, and the processor's caches are filled by the process that ran before.
const [folder, count, output] = [process.argv[2], Number(process.argv[3]), process.argv[4]];

const content = Buffer.alloc(3000, 0xa5);
const stat = promisify(fs.stat);
const readFile = promisify(fs.readFile);
const smallWrites = 20_000;
const leastMs = 60;

const each = (depth, work) => forEachFile(folder, count, depth, work);
const eachOutput = (depth, work) =>
  forEachFile(folder, count, depth, (_, number) => work(join(output, `f${number}`)));

async function readStream(path) {
  for await (const _ of fs.createReadStream(path));
}

function writeStream(path) {
  return new Promise((resolve, reject) => {
    const stream = fs.createWriteStream(path);
    stream.on('error', reject).on('close', resolve).end(content);
  });
}

async function openReadClose(path) {
  const handle = await fs.promises.open(path);
  await handle.read(Buffer.allocUnsafe(8192), 0, 8192, 0);
  await handle.close();
}

function openReadCloseSync(path) {
  const descriptor = fs.openSync(path);
  fs.readSync(descriptor, Buffer.allocUnsafe(8192), 0, 8192, 0);
  fs.closeSync(descriptor);
}

/** Writes to one stream, waiting for 'drain' where it asks for that. */
function manyWrites() {
  return new Promise((resolve, reject) => {
    const stream = fs.createWriteStream(join(output, 'log'));
    const line = 'a line of a log file with some sixty characters, and its end\n';
    let left = smallWrites;
    const write = () => {
      while (left-- > 0) if (!stream.write(line)) return stream.once('drain', write);
      stream.end();
    };
    stream.on('error', reject).on('close', resolve);
    write();
  });
}

/** A task does something once for each of `count` files and returns how often it did it. */
const counted = (run) => async () => {
  await run();
  return count;
};

const tasks = {
  'stat, promise': counted(() => each(1, (path) => fs.promises.stat(path))),
  'stat, callback': counted(() => each(1, (path) => stat(path))),
  'access, promise': counted(() => each(1, (path) => fs.promises.access(path))),
  'readFile, promise': counted(() => each(1, (path) => fs.promises.readFile(path))),
  'readFile, callback': counted(() => each(1, (path) => readFile(path))),
  'open, read, close': counted(() => each(1, openReadClose)),
  'readdir of a small folder': async () => {
    const folders = Math.ceil(count / 10);
    for (let i = 0; i < folders; i++) await fs.promises.readdir(join(output, '..', 'ten'));
    return folders;
  },
  'read stream': counted(() => each(1, readStream)),
  'read stream, 16 at a time': counted(() => each(16, readStream)),
  'write stream': counted(() => eachOutput(1, writeStream)),
  'write stream, 16 at a time': counted(() => eachOutput(16, writeStream)),
  'small writes to one stream': async () => {
    await manyWrites();
    return smallWrites;
  },
  writeFile: counted(() => eachOutput(1, (path) => fs.promises.writeFile(path, content))),
  writeFileSync: counted(() => eachOutput(1, async (path) => fs.writeFileSync(path, content))),
  statSync: counted(() => each(1, (path) => fs.statSync(path))),
  readFileSync: counted(() => each(1, (path) => fs.readFileSync(path))),
  'openSync, readSync, closeSync': counted(() => each(1, openReadCloseSync)),
};

fs.mkdirSync(output, { recursive: true });
const ten = join(output, '..', 'ten');
fs.mkdirSync(ten, { recursive: true });
for (let i = 0; i < 10; i++) fs.writeFileSync(join(ten, `f${i}`), '');
if (!fs.existsSync(dirname(pathOfFile(folder, 0)))) throw new Error(`${folder} has no files`);

process.once('disconnect', () => process.exit());
process.on('message', async (name) => {
  if (name === 'names') return process.send(Object.keys(tasks));
  await measureOnce(tasks[name], leastMs);
  process.send(await measureOnce(tasks[name], leastMs));
});
process.send('ready');
