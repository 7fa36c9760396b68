import { expect } from 'vitest';
import { distUrl, fileWith, isWindows, resultOfChild, testWhere } from '../helpers.js';

// Each runs in a process of its own, and three wait for five seconds.
const testWithLimit = testWhere(!isWindows, 'Windows has no limit on the handles of a process', {
  concurrent: true,
});

// Just enough for a process with an engine: Node opens many modules of a graph at once.
const limit = 80;
const options = () => ({
  launcher: ['prlimit', `--nofile=${limit}:${limit}`],
  args: [fileWith('hello')],
});

testWithLimit(
  'opens that meet the limit of descriptors wait for one, and all are served',
  async () => {
    const script = `
    let served = 0;
    await Promise.all(
      Array.from({ length: 2000 }, async () => {
        const handle = await open(argument);
        served++;
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(5), 0, 5, 0);
        if (bytesRead !== 5 || buffer.toString() !== 'hello') throw new Error('wrong bytes');
        await handle.close();
      }),
    );
    console.log(JSON.stringify(served));`;
    expect(await resultOfChild(script, options())).toBe(2000);
  },
);

testWithLimit('whole files are read and written in spite of the limit', async () => {
  const script = `
    const handles = [];
    // All descriptors but two are in use for a while.
    for (;;) {
      try { handles.push(openSync(argument)); } catch { break; }
    }
    for (const fd of handles.splice(-2)) closeSync(fd);
    setTimeout(() => handles.forEach((fd) => closeSync(fd)), 200);
    const texts = await Promise.all(
      Array.from({ length: 500 }, async (_, i) => {
        await writeFile(argument + i, 'hello');
        return readFile(argument + i, 'utf8');
      }),
    );
    console.log(JSON.stringify(texts.filter((text) => text === 'hello').length));`;
  const imports = "import { closeSync, openSync } from 'node:fs';";
  expect(await resultOfChild(imports + script, options())).toBe(500);
});

testWithLimit(
  'waiting for a descriptor can be aborted, and fails if none becomes free',
  async () => {
    const script = `
    const handles = [];
    const opening = (signal) =>
      open(argument, 'r', { signal }).then((handle) => handles.push(handle));
    const all = Promise.allSettled(Array.from({ length: 100 }, () => opening(undefined)));
    const controller = new AbortController();
    const aborted = opening(controller.signal).catch((error) => error.name);
    setTimeout(() => controller.abort(), 100);
    const name = await aborted;
    const waitedInVain = handles.length < 100;
    const failures = (await all).filter(({ status }) => status === 'rejected');
    const codes = [...new Set(failures.map(({ reason }) => reason.code))];
    const settled = handles.length + failures.length;
    await Promise.all(handles.map((handle) => handle.close()));
    await (await open(argument)).close();
    console.log(JSON.stringify({ name, waitedInVain, codes, settled }));`;
    expect(await resultOfChild(script, options())).toEqual({
      name: 'AbortError',
      waitedInVain: true,
      codes: ['EMFILE'],
      settled: 100,
    });
  },
);

testWithLimit('an open aborted while its failure arrives waits for no descriptor', async () => {
  const script = `
    const fds = [];
    await open(argument + '-new', 'a').then((handle) => handle.close());
    try { for (;;) fds.push(openSync(argument)); } catch {}
    const controller = new AbortController();
    const opening = open(argument + '-new', 'a', { signal: controller.signal });
    const settled = opening.catch(({ name }) => name);
    // Runs after the submission. The worker fails meanwhile, and its completion waits for the loop.
    await new Promise(process.nextTick);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    controller.abort();
    const name = await settled;
    for (const fd of fds) closeSync(fd);
    console.log(JSON.stringify(name));`;
  const imports = "import { closeSync, openSync } from 'node:fs';";
  expect(await resultOfChild(imports + script, options())).toBe('AbortError');
});

testWithLimit(
  'fs.promises.open of overlapped/register works again when the shortage is over',
  async () => {
    const script = `
    const handles = [];
    try { for (;;) handles.push(fs.openSync(argument)); } catch {}
    const first = await fs.promises.open(argument).catch(({ code, path }) => [code, path]);
    for (const fd of handles) fs.closeSync(fd);
    const second = await fs.promises.open(argument);
    const read = await second.readFile('utf8');
    await second.close();
    // One of our classes and one of Node's.
    let classes = 0;
    for (let object = second; object !== null; object = Object.getPrototypeOf(object)) {
      if (Object.hasOwn(object, 'constructor') && object.constructor.name === 'FileHandle') {
        classes++;
      }
    }
    console.log(JSON.stringify([first[0], first[1] === argument, read, classes]));`;
    const registerUrl = distUrl('register.js');
    const registered = { ...options(), flags: [`--import=${registerUrl}`] };
    expect(await resultOfChild(script, registered)).toEqual(['EMFILE', true, 'hello', 2]);
  },
);

testWithLimit('what takes no descriptor works without one, also the first time', async () => {
  const script = `
    const handle = await open(argument, 'r+');
    const handles = [];
    try { for (;;) handles.push(fs.openSync(argument)); } catch {}
    await handle.lock();
    await handle.seek(1);
    await handle.writev([Buffer.from('a'), Buffer.from('y')], 0);
    const views = [Buffer.alloc(2), Buffer.alloc(3)];
    await handle.readv(views, 0);
    await handle.unlock();
    await rm(argument);
    for (const fd of handles) fs.closeSync(fd);
    await handle.close();
    console.log(JSON.stringify([String(Buffer.concat(views)), fs.existsSync(argument)]));`;
  const imports = `import { rm } from '${distUrl('index.js')}';`;
  const found = await resultOfChild(imports + script, { ...options(), name: 'child.mjs' });
  expect(found).toEqual(['ayllo', false]);
});

testWithLimit(
  'without a descriptor to load the addon, calls do what those of node:fs do',
  async () => {
    const script = `
    const uses = {
      promise: () => fs.promises.readFile(argument, 'utf8'),
      callback: () => promisify(fs.readFile)(argument, 'utf8'),
      status: async () => (await promisify(fs.stat)(argument)).size,
      stream: async () => (await fs.createReadStream(argument).toArray()).join(''),
    };
    const results = async () => Promise.all(Object.values(uses).map(
      (use) => use().catch(({ code, path }) => [code, path === argument])));
    const handles = [];
    try { for (;;) handles.push(fs.openSync(argument)); } catch {}
    const during = await results();
    for (const fd of handles) fs.closeSync(fd);
    const after = await results();
    console.log(JSON.stringify([during, after, engine.stats().completed > 0]));`;
    const imports = "import { promisify } from 'node:util';";
    const registered = {
      ...options(),
      flags: [`--import=${distUrl('register.js')}`],
      name: 'child.mjs',
    };
    const refused = ['EMFILE', true];
    const read = 'hello';
    expect(await resultOfChild(imports + script, registered)).toEqual([
      [refused, refused, 5, refused],
      [read, read, 5, read],
      true,
    ]);
  },
);
