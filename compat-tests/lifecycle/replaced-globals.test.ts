import { expect, test } from 'vitest';
import { distUrl, fileWith, resultOfChild } from '../helpers.js';

// Test environments replace globals: fake timers, jsdom, happy-dom, vm contexts.

const fsUrl = distUrl('fs.js');
const streamxUrl = distUrl('streams/streamx.js');

// Returns the names of the uses with a wrong outcome.
const uses = `
const text = (stream) => new Promise((resolve, reject) => {
  let seen = '';
  stream.on('data', (chunk) => { seen += chunk; });
  stream.on('error', reject).on('end', () => resolve(seen));
});
const closed = (stream) => new Promise((resolve, reject) => {
  stream.on('error', reject).on('close', () => resolve('closed'));
});
const wait = (start) => new Promise((resolve, reject) => {
  start((error, value) => (error ? reject(error) : resolve(value)));
});
const failing = async (file, { default: ours }, { ReadStream }, isUsed = () => true) => {
  const { promises } = ours;
  const { pathToFileURL } = process.getBuiltinModule('node:url');
  const urlOf = (place) => new URL(pathToFileURL(place).href);
  const url = urlOf(file);
  const bytes = new Uint8Array([110, 101, 119]);
  const out = file + '.out';
  const handle = await promises.open(file, 'r+');
  const copied = () => promises.readFile(out, 'utf8');
  const expected = {
    'promise': ['content', () => promises.readFile(file, 'utf8')],
    'path as bytes': ['content', () => promises.readFile(Buffer.from(file), 'utf8')],
    'path as URL': ['content', () => promises.readFile(url, 'utf8')],
    'readdir of a URL': ['string', async () => {
      const [entry] = await promises.readdir(urlOf(path.dirname(file)),
        { withFileTypes: true });
      return typeof (entry.parentPath ?? entry.path);
    }],
    'callback': ['content', () => wait((done) => ours.readFile(file, 'utf8', done))],
    'failing callback': ['ENOENT', () =>
      wait((done) => ours.stat(file + '0', done)).catch(({ code }) => code)],
    'stat': [7, async () => (await wait((done) => ours.stat(file, done))).size],
    'descriptor': ['cont', () => wait((done) => ours.read(handle.fd, Buffer.alloc(4), 0, 4, 0,
      (error, count, memory) => done(error, String(memory))))],
    'write of a typed array': ['new', async () => {
      await promises.writeFile(out, bytes);
      return copied();
    }],
    'read stream': ['content', () => text(ours.createReadStream(file))],
    'stream of a handle': ['ontent', () => text(
      ours.createReadStream('', { fd: handle, start: 1, autoClose: false }))],
    'write stream': ['newText', async () => {
      const stream = ours.createWriteStream(out);
      stream.write(bytes);
      stream.end(Buffer.from('Text'));
      await closed(stream);
      return copied();
    }],
    'pipe': ['content', async () => {
      await closed(ours.createReadStream(file).pipe(ours.createWriteStream(out)));
      return copied();
    }],
    'destroyed at once': ['closed', () => closed(ours.createReadStream(file).destroy())],
    'written and destroyed': ['closed', () => closed(ours.createWriteStream(out).destroy())],
    'streamx': ['content', () => text(new ReadStream(file))],
    'web stream': ['content', async () => {
      let seen = '';
      for await (const chunk of handle.readableWebStream({ type: 'bytes', autoClose: false })) {
        seen += Buffer.from(chunk).toString();
      }
      return seen;
    }],
    'rm': [undefined, () => promises.rm(out)],
  };
  const wrong = [];
  for (const [name, [value, use]] of Object.entries(expected)) {
    if (!isUsed(name)) continue;
    const got = await use().catch((error) => error.message);
    if (got !== value) wrong.push([name, got]);
  }
  await handle.close();
  return wrong;
};
`;

// Node's own streams need the real process.nextTick().
test('functions work while fake timers replace everything', async () => {
  const script = `
    const [ours, streamx] = [await import('${fsUrl}'), await import('${streamxUrl}')];
    ${uses}
    const { setTimeout: real } = globalThis;
    const never = () => 0;
    process.nextTick = never;
    performance.now = () => 0;
    globalThis.queueMicrotask = never;
    globalThis.setTimeout = globalThis.setInterval = globalThis.setImmediate = never;
    globalThis.clearTimeout = never;
    console.log(JSON.stringify(await failing(argument, ours, streamx,
      (name) => !/stream|pipe|destroyed/.test(name))));`;
  expect(await resultOfChild(script, { args: [fileWith('content')] })).toEqual([]);
});

const replacements = {
  'types of another context': `
    for (const name of ['Uint8Array', 'ArrayBuffer', 'DataView', 'Promise']) {
      globalThis[name] = vm.runInNewContext(name);
    }`,
  'a URL of its own': `
    const Real = URL;
    globalThis.URL = class URL {
      #url;
      constructor(...given) { this.#url = new Real(...given); }
      toString() { return this.#url.href; }
    };
    const parts = ['href', 'protocol', 'hostname', 'host', 'pathname', 'search', 'hash'];
    for (const name of parts) {
      const get = function () { return new Real(this.toString())[name]; };
      Object.defineProperty(URL.prototype, name, { get });
    }`,
  'timers that give numbers': `
    const { setTimeout: real, clearTimeout: clear } = globalThis;
    const timers = [];
    globalThis.setTimeout = (...given) => timers.push(real(...given));
    globalThis.clearTimeout = (number) => clear(timers[number - 1]);`,
  'a Buffer of its own': `
    const { from, alloc } = Buffer;
    globalThis.Buffer = { from, alloc, isBuffer: () => false, isEncoding: () => false };`,
  'a process of its own': `
    const { argv, getBuiltinModule } = process;
    const env = { OVERLAPPED_ENGINE: process.env.OVERLAPPED_ENGINE };
    globalThis.process = { argv, env, getBuiltinModule, platform: 'browser', versions: {} };`,
  'an AbortController of its own': `
    class Signal extends EventTarget { aborted = false; reason = undefined; }
    globalThis.AbortSignal = Signal;
    globalThis.AbortController = class {
      signal = new Signal();
      abort(reason) {
        Object.assign(this.signal, { aborted: true, reason });
        this.signal.dispatchEvent(new Event('abort'));
      }
    };`,
};

for (const when of ['before', 'after'] as const) {
  for (const [name, replace] of Object.entries(replacements)) {
    test(`functions and streams work where ${name} came ${when} the package`, async () => {
      const load = `const [ours, streamx] =
        [await import('${fsUrl}'), await import('${streamxUrl}')];`;
      const steps = when === 'before' ? [replace, load] : [load, replace];
      // A CommonJS module, because the prelude of the others loads the package first.
      const script = `
        const path = require('node:path');
        const vm = require('node:vm');
        (async () => {
          ${uses} ${steps.join('\n')}
          console.log(JSON.stringify(await failing(process.argv[2], ours, streamx)));
        })();`;
      const options = { name: 'child.cjs', args: [fileWith('content')] };
      expect(await resultOfChild(script, options)).toEqual([]);
    });
  }
}

test('the first call works where arrays cannot be iterated', async () => {
  const script = `
    delete Object.getPrototypeOf([][Symbol.iterator]()).next;
    delete Array.prototype[Symbol.iterator];
    console.log(JSON.stringify(String(await fs.promises.readFile(process.argv[2]))));`;
  const registerUrl = distUrl('register.js');
  const options = { flags: [`--import=${registerUrl}`], args: [fileWith('content')] };
  expect(await resultOfChild(script, options)).toBe('content');
});

test('the first call works where arrays cannot be iterated from the start', async () => {
  const script = `
    const fs = require('node:fs');
    delete Object.getPrototypeOf([][Symbol.iterator]()).next;
    delete Array.prototype[Symbol.iterator];
    fs.promises.readFile(process.argv[2]).then((content) => {
      console.log(JSON.stringify(String(content)));
    });`;
  const registerUrl = distUrl('register.js');
  const options = {
    name: 'child.cjs',
    flags: [`--import=${registerUrl}`],
    args: [fileWith('content')],
  };
  expect(await resultOfChild(script, options)).toBe('content');
});
