import * as path from 'node:path';
import { expect, test } from 'vitest';
import { distUrl, fileWith, resultOfChild, temporaryFolder } from '../helpers.js';

// Node's own modules that use node:fs or accept its objects, in a registered program.

const flags = [`--import=${distUrl('register.js')}`];
const file = JSON.stringify(fileWith('line one\nline two\n'));

function folder(): string {
  return JSON.stringify(temporaryFolder());
}

test('http2 responds with a file, a descriptor and a FileHandle', async () => {
  const script = `
    import http2 from 'node:http2';
    import { open as openByName } from 'node:fs/promises';
    const handle = await openByName(${file});
    const fd = fs.openSync(${file}, 'r');
    const server = http2.createServer();
    server.on('stream', (stream, headers) => {
      const answer = headers[':path'];
      if (answer === '/file') stream.respondWithFile(${file});
      else stream.respondWithFD(answer === '/handle' ? handle : fd);
    });
    await new Promise((resolve) => server.listen(0, resolve));
    const client = http2.connect('http://localhost:' + server.address().port);
    const texts = [];
    for (const name of ['file', 'fd', 'handle']) {
      const request = client.request({ ':path': '/' + name });
      let text = '';
      for await (const chunk of request) text += chunk;
      texts.push(text);
    }
    client.close();
    server.close();
    await handle.close();
    fs.closeSync(fd);
    console.log(JSON.stringify(texts));`;
  const text = 'line one\nline two\n';
  expect(await resultOfChild(script, { flags })).toEqual([text, text, text]);
});

test('a child process writes to the descriptors of handles and streams', async () => {
  const script = `
    import { spawn } from 'node:child_process';
    import { open as openByName } from 'node:fs/promises';
    process.chdir(${folder()});
    const run = async (stdio) => {
      const child = spawn(process.execPath, ['-e', 'console.log("written")'], { stdio });
      await once(child, 'exit');
    };
    const handle = await openByName('handle', 'w');
    await run(['ignore', handle.fd, 'ignore']);
    await handle.close();
    const stream = fs.createWriteStream('stream');
    await once(stream, 'open');
    await run(['ignore', stream, 'ignore']);
    await new Promise((resolve) => stream.end(resolve));
    const names = ['handle', 'stream'];
    console.log(JSON.stringify(names.map((name) => fs.readFileSync(name, 'utf8'))));`;
  const results = await resultOfChild<string[]>(script, { flags });
  expect(results).toEqual(['written\n', 'written\n']);
});

test('fs.cp, with promises, with callbacks and synchronously', async () => {
  const script = `
    import { cp, mkdir, readdir, symlink } from 'node:fs/promises';
    import { promisify } from 'node:util';
    process.chdir(${folder()});
    await mkdir('from/inner', { recursive: true });
    await writeFile('from/inner/file', 'content');
    await cp('from', 'promise', { recursive: true });
    await promisify(fs.cp)('from', 'callback', { recursive: true });
    fs.cpSync('from', 'sync', { recursive: true });
    const error = await cp('missing', 'to').catch((error) => error);
    const lists = [];
    for (const name of ['promise', 'callback', 'sync']) {
      lists.push((await readdir(name, { recursive: true })).sort(),
        fs.readFileSync(name + '/inner/file', 'utf8'));
    }
    console.log(JSON.stringify([error.code, error.syscall, ...lists]));`;
  const tree = [['inner', path.join('inner', 'file')], 'content'];
  const expected = ['ENOENT', 'lstat', ...tree, ...tree, ...tree];
  expect(await resultOfChild(script, { flags })).toEqual(expected);
});

test('readline, lines of handles, opendir and watch', async () => {
  const script = `
    import { createInterface } from 'node:readline/promises';
    import { open as openByName, opendir, watch } from 'node:fs/promises';
    process.chdir(${folder()});
    const lines = [];
    for await (const line of createInterface({ input: fs.createReadStream(${file}) })) {
      lines.push(line);
    }
    const handle = await openByName(${file});
    for await (const line of handle.readLines()) lines.push(line);
    fs.writeFileSync('file', '');
    for await (const entry of await opendir('.')) lines.push(entry.name);
    const controller = new AbortController();
    const watching = (async () => {
      for await (const { filename } of watch('.', { signal: controller.signal })) return filename;
    })();
    const timer = setInterval(() => fs.writeFileSync('file', String(Date.now())), 50);
    lines.push(await watching);
    clearInterval(timer);
    controller.abort();
    console.log(JSON.stringify(lines));`;
  const lines = ['line one', 'line two'];
  const expected = [...lines, ...lines, 'file', 'file'];
  expect(await resultOfChild(script, { flags })).toEqual(expected);
});

test('modules of both kinds are loaded, including large and missing ones', async () => {
  const script = `
    import { createRequire } from 'node:module';
    process.chdir(${folder()});
    const text = 'export default ' + JSON.stringify('x'.repeat(1_000_000)) + ';';
    fs.writeFileSync('large.mjs', text);
    fs.writeFileSync('small.mjs', 'export const value = 1;');
    fs.writeFileSync('common.cjs', 'exports.value = require("fs").promises.constants.O_RDONLY;');
    fs.writeFileSync('data.json', '{"value":2}');
    const here = process.cwd().replace(/^\\//, '');
    const url = (name) => new URL(name, 'file:///' + here + '/');
    const require = createRequire(url('main.mjs'));
    const missing = await import(url('missing.mjs')).catch((error) => error.code);
    console.log(JSON.stringify([(await import(url('large.mjs'))).default.length,
      (await import(url('small.mjs'))).value, (await import(url('common.cjs'))).default.value,
      require('./data.json').value, missing]));`;
  expect(await resultOfChild(script, { flags })).toEqual([1e6, 1, 0, 2, 'ERR_MODULE_NOT_FOUND']);
});

test('process.stdin and process.stdout on files', async () => {
  const script = `
    import { spawn } from 'node:child_process';
    process.chdir(${folder()});
    const script = 'process.stdin.setEncoding("utf8").on("data", (text) => ' +
      'process.stdout.write(text.toUpperCase()))';
    const stdio = [fs.openSync(${file}, 'r'), fs.openSync('out', 'w'), 'inherit'];
    const child = spawn(process.execPath, [...process.execArgv, '-e', script], { stdio });
    const [code] = await once(child, 'exit');
    console.log(JSON.stringify([code, fs.readFileSync('out', 'utf8')]));`;
  expect(await resultOfChild(script, { flags })).toEqual([0, 'LINE ONE\nLINE TWO\n']);
});

test('handles of both packages are accepted by the functions of both', async () => {
  const script = `
    const nodeOpen = fs.promises.open;
    const nodeRead = fs.promises.readFile;
    const { ReadStream: NodeReadStream } = fs;
    const before = await nodeOpen(${file});
    await import(argument);
    const ours = await fs.promises.open(${file});
    const again = await fs.promises.open(${file});
    const last = await fs.promises.open(${file});
    const text = (stream) => stream.setEncoding('utf8').toArray().then((chunks) => chunks.join(''));
    console.log(JSON.stringify([
      ours instanceof Object.getPrototypeOf(before).constructor,
      await fs.promises.readFile(before, 'utf8'),
      await nodeRead(ours, 'utf8'),
      await text(new fs.ReadStream(null, { fd: again })),
      await text(new NodeReadStream(null, { fd: last, start: 5 })),
    ]));
    await before.close();
    await ours.close();`;
  const args = [distUrl('register.js')];
  const text = 'line one\nline two\n';
  expect(await resultOfChild(script, { args })).toEqual([true, text, text, text, text.slice(5)]);
});

test('a handle can be transferred to another thread, where it is one of Node', async () => {
  const script = `
    import { MessageChannel } from 'node:worker_threads';
    const unused = await fs.promises.open(${file});
    const code = "const { parentPort, workerData } = require('node:worker_threads');" +
      "workerData.readFile('utf8').then(async (text) => { await workerData.close();" +
      "parentPort.postMessage(text); });";
    const sent = await fs.promises.open(${file});
    await sent.read(Buffer.alloc(5), 0, 5, null);
    const worker = new Worker(code, { eval: true, workerData: sent, transferList: [sent] });
    const [text] = await once(worker, 'message');
    const closed = await sent.read(Buffer.alloc(1)).catch((error) => error.code);

    const { port1, port2 } = new MessageChannel();
    const failures = [];
    const refused = (handle, message) => {
      try { port1.postMessage(message, [handle]); } catch (error) { failures.push(error.name); }
    };
    const busy = await fs.promises.open(${file});
    refused(busy, { busy, impossible: () => {} });
    const stream = busy.createReadStream();
    refused(busy, busy);
    failures.push((await stream.toArray()).join('').length);
    refused(busy, busy);
    port1.postMessage(unused, [unused]);
    const [received] = await once(port2, 'message');
    const line = await received.read(Buffer.alloc(4), 0, 4, 5);
    await received.close();
    port1.close();
    const isLinux = process.platform === 'linux';
    const fds = (isLinux ? fs.readdirSync('/proc/self/fd') : []).map((fd) => {
      try { return fs.readlinkSync('/proc/self/fd/' + fd); } catch { return ''; }
    });
    console.log(JSON.stringify([text, sent.fd, closed, failures, String(line.buffer), unused.fd,
      fds.filter((name) => name === ${file}).length]));`;
  const refusals = ['DataCloneError', 'DataCloneError', 18, 'DataCloneError'];
  const expected = ['one\nline two\n', -1, 'EBADF', refusals, 'one\n', -1, 0];
  expect(await resultOfChild(script, { flags })).toEqual(expected);
});

test('messages that cannot be sent leave a handle its descriptor', async () => {
  const script = `
    import { MessageChannel } from 'node:worker_threads';
    const { port1, port2 } = new MessageChannel();
    const [kept, sent] = [await fs.promises.open(${file}), await fs.promises.open(${file})];
    const fail = (handle) => {
      try { port1.postMessage({ impossible: () => {} }, [handle]); } catch {}
    };
    fail(kept);
    fail(kept);
    fail(sent);
    port1.postMessage(sent, [sent]);
    const [received] = await once(port2, 'message');
    for (let i = 0; i < 5; i++) {
      await turn();
      gc();
    }
    const texts = [];
    for (const handle of [kept, received]) {
      texts.push(await handle.readFile('utf8'));
      await handle.close();
    }
    port1.close();
    console.log(JSON.stringify(texts));`;
  const text = 'line one\nline two\n';
  const options = { flags: [...flags, '--expose-gc'] };
  expect(await resultOfChild(script, options)).toEqual([text, text]);
});

test('functions make streams of the classes that a program has put into fs', async () => {
  const script = `
    const { default: live } = fs;
    const { ReadStream, WriteStream } = live;
    live.ReadStream = class Reader extends ReadStream {};
    live.WriteStream = class Writer extends WriteStream {};
    const reader = live.createReadStream(${file});
    const writer = live.createWriteStream(${file} + '.copy');
    reader.pipe(writer);
    await once(writer, 'close');
    const names = [reader.constructor.name, writer.constructor.name];
    live.ReadStream = ReadStream;
    live.WriteStream = WriteStream;
    const after = live.createReadStream(${file} + '.copy', 'utf8');
    names.push(after.constructor.name, after instanceof ReadStream);
    console.log(JSON.stringify([...names, (await after.toArray()).join('')]));`;
  const expected = ['Reader', 'Writer', 'ReadStream', true, 'line one\nline two\n'];
  expect(await resultOfChild(script, { flags })).toEqual(expected);
});
