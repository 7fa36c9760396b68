import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { distUrl, fileWith, resultOfChild, testWhere } from '../helpers.js';

// Layers between node:fs and the system serve calls instead of the engine.

const registerUrl = distUrl('register.js');
const fsUrl = distUrl('fs.js');
const withImport = { flags: [`--import=${registerUrl}`] };
const quiet = ['--disable-warning=DeprecationWarning'];

// Replaces the native functions below node:fs as mock-fs does: once, with bound functions that
// check for each call whether a file is virtual. Nothing in virtual/ exists on a disk.
const mock = `
const binding = process.binding('fs');
const below = [];
let isMocked = false;
// All but the constructors, which have their own prototypes.
const names = Object.keys(binding).filter((name) => /^[a-z]/.test(name));
for (const name of names) {
  const own = binding[name];
  if (typeof own !== 'function') continue;
  binding[name] = function (...given) {
    if (isMocked) below.push(name);
    return own.apply(binding, given);
  }.bind(binding);
}
`;

// Each of these reaches a path. Gives the names of those that the engine served. Some versions of
// Node keep native functions of their own, so not every call shows in the layer.
const callAll = `
const around = async (fs) => {
  const past = [];
  const seen = [];
  const { promises } = fs;
  const wait = (start) => new Promise((resolve, reject) => {
    start((error, value) => (error ? reject(error) : resolve(value)));
  });
  const ended = (stream) => new Promise((resolve, reject) => {
    stream.on('error', reject).on('close', resolve);
    if (stream.writable) stream.end('content');
    else stream.resume();
  });
  const calls = {
    'promises.readFile': () => promises.readFile(argument),
    'promises.writeFile': () => promises.writeFile(argument, 'content'),
    'promises.appendFile': () => promises.appendFile(argument, ''),
    'promises.stat': () => promises.stat(argument),
    'promises.lstat': () => promises.lstat(argument),
    'promises.readdir': () => promises.readdir(path.dirname(argument)),
    'promises.truncate': () => promises.truncate(argument, 7),
    'promises.open': async () => (await promises.open(argument)).close(),
    'promises.rm': () => promises.rm(argument + '.none', { force: true }),
    readFile: () => wait((done) => fs.readFile(argument, done)),
    writeFile: () => wait((done) => fs.writeFile(argument, 'content', done)),
    appendFile: () => wait((done) => fs.appendFile(argument, '', done)),
    stat: () => wait((done) => fs.stat(argument, done)),
    lstat: () => wait((done) => fs.lstat(argument, done)),
    readdir: () => wait((done) => fs.readdir(path.dirname(argument), done)),
    rm: () => wait((done) => fs.rm(argument + '.none', { force: true }, done)),
    createReadStream: () => ended(fs.createReadStream(argument)),
    createWriteStream: () => ended(fs.createWriteStream(argument)),
  };
  for (const [name, call] of Object.entries(calls)) {
    below.length = 0;
    const { submitted } = engine.stats();
    await call();
    if (engine.stats().submitted !== submitted) past.push(name);
    seen.push(...below);
  }
  if (!seen.includes('stat') || !seen.includes('readdir')) past.push('all');
  return past;
};
`;

for (const [when, order] of [
  ['before the package was loaded', `${mock} await import('${registerUrl}');`],
  ['after register()', `await import('${registerUrl}'); ${mock}`],
]) {
  test(`native functions that were replaced ${when} serve node:fs`, async () => {
    const script = `${order} ${callAll}
      const { default: nodeFs } = await import('node:fs');
      await engine.kind;
      isMocked = true;
      console.log(JSON.stringify(await around(nodeFs)));`;
    const options = { args: [fileWith('content')], flags: quiet };
    expect(await resultOfChild(script, options)).toEqual([]);
  });
}

test('overlapped/fs is served by the layer too', async () => {
  const script = `
    const { default: ours } = await import('${fsUrl}');
    ${mock} ${callAll}
    isMocked = true;
    console.log(JSON.stringify(await around(ours)));`;
  const options = { args: [fileWith('content')], flags: quiet };
  expect(await resultOfChild(script, options)).toEqual([]);
});

test('a folder that a layer hides is not removed', async () => {
  const script = `
    const binding = process.binding('fs');
    fs.mkdirSync('real/sub', { recursive: true });
    fs.writeFileSync('real/sub/precious', 'on the disk');
    const own = { ...binding };
    const gone = (name) => (...given) => own[name].apply(binding, given.map((value) =>
      typeof value === 'string' && value.includes('real') ? '/no/such/place' : value));
    for (const name of ['stat', 'lstat', 'open', 'readdir', 'rmdir', 'unlink', 'rmSync']) {
      if (own[name]) binding[name] = gone(name);
    }
    const codes = [];
    for (const remove of [fs.promises.rm, (p, o) => new Promise((resolve, reject) =>
      fs.rm(p, o, (error) => (error ? reject(error) : resolve())))]) {
      await remove('real', { recursive: true }).catch(({ code }) => codes.push(code));
    }
    Object.assign(binding, own);
    console.log(JSON.stringify([codes, fs.readFileSync('real/sub/precious', 'utf8')]));`;
  const inFolder = `process.chdir(path.dirname(process.argv[1]));${script}`;
  const flags = [...withImport.flags, ...quiet];
  expect(await resultOfChild(inFolder, { flags })).toEqual([['ENOENT', 'ENOENT'], 'on the disk']);
});

test('the engine serves again after the layer has been removed', async () => {
  const script = `
    const binding = process.binding('fs');
    const counts = [];
    const count = async () => {
      const { submitted } = engine.stats();
      await fs.promises.stat(argument);
      counts.push(engine.stats().submitted - submitted);
    };
    const own = binding.stat;
    await count();
    binding.stat = (...given) => own.apply(binding, given);
    await count();
    binding.stat = own;
    await count();
    console.log(JSON.stringify(counts));`;
  const options = { args: [fileWith('content')], flags: [...withImport.flags, ...quiet] };
  expect(await resultOfChild(script, options)).toEqual([1, 0, 1]);
});

// node:vfs replaces process.dlopen() while a virtual file system is mounted. Here a function of the
// same kind does so in every version of Node.
test('calls go to Node while a virtual file system of Node is mounted', async () => {
  const script = `
    const { binding, dlopen } = process;
    const mounted = function (module, file, flags) { return dlopen(module, file, flags); };
    process.binding = (name) => name === 'natives'
      ? { ...binding(name), 'internal/vfs/setup': 'process.dlopen = ' + mounted }
      : binding(name);
    const counts = [];
    const count = async () => {
      const { submitted } = engine.stats();
      await fs.promises.stat(argument);
      counts.push(engine.stats().submitted - submitted);
    };
    const ofProgram = (...given) => dlopen(...given);
    for (process.dlopen of [dlopen, mounted, dlopen, ofProgram, mounted, ofProgram]) await count();
    console.log(JSON.stringify(counts));`;
  const options = { args: [fileWith('content')], flags: [...withImport.flags, ...quiet] };
  expect(await resultOfChild(script, options)).toEqual([1, 0, 1, 1, 0, 1]);
});

testWhere(
  process.allowedNodeEnvironmentFlags.has('--experimental-vfs'),
  'this version of Node has no virtual file systems',
)('files of a mounted virtual file system are served by Node', async () => {
  const script = `
    const vfs = (await import('node:vfs')).create();
    vfs.writeFileSync('/file', 'virtual');
    const file = vfs.mount() + '/file';
    const { promisify } = await import('node:util');
    const fd = fs.openSync(file);
    const chunks = [];
    for await (const chunk of fs.createReadStream(file, 'utf8')) chunks.push(chunk);
    const seen = [
      await fs.promises.readFile(file, 'utf8'),
      await promisify(fs.readFile)(file, 'utf8'),
      (await fs.promises.stat(file)).size,
      await promisify(fs.readFile)(fd, 'utf8'),
      (await promisify(fs.read)(fd, Buffer.alloc(4), 0, 4, 0)).bytesRead,
      await fs.promises.readdir(path.dirname(file)),
      chunks.join(''),
    ];
    vfs.unmount();
    const { submitted } = engine.stats();
    await fs.promises.stat(argument);
    console.log(JSON.stringify([seen, engine.stats().submitted - submitted]));`;
  const flags = [
    '--experimental-vfs',
    '--disable-warning=ExperimentalWarning',
    ...withImport.flags,
  ];
  const seen = ['virtual', 'virtual', 7, 'virtual', 4, ['file'], 'virtual'];
  const args = [fileWith('content')];
  expect(await resultOfChild(script, { args, flags: [...flags, ...quiet] })).toEqual([seen, 1]);
});

// A virtual file, as archive loaders create one: with functions that wrap those of node:fs.
const patch = `
const fs = require('fs');
const old = { ...fs };
const oldPromises = { ...fs.promises };
const isVirtual = (path) => String(path).startsWith('/virtual');
const text = (options) => (options ? 'archived' : Buffer.from('archived'));
fs.readFile = (path, options, done) => {
  if (!isVirtual(path)) return old.readFile(path, options, done);
  process.nextTick(done ?? options, null, text(done && options));
};
fs.open = (path, ...rest) =>
  isVirtual(path) ? rest.at(-1)(new Error('archived')) : old.open(path, ...rest);
fs.promises.stat = async (path, ...rest) =>
  isVirtual(path) ? { size: 8 } : oldPromises.stat(path, ...rest);
fs.promises.readFile = async (path, options) =>
  isVirtual(path) ? text(options) : oldPromises.readFile(path, options);
fs.close = function close(fd, done) { return old.close(fd, done); };
require('module').syncBuiltinESMExports();
`;

test('functions that were replaced before register() are kept, and others are served', async () => {
  const script = `
    const { promisify } = await import('node:util');
    const { submitted } = engine.stats();
    const archived = [
      await fs.promises.readFile('/virtual/a', 'utf8'),
      (await fs.promises.stat('/virtual/a')).size,
      await promisify(fs.readFile)('/virtual/a', 'utf8'),
      await once(fs.createReadStream('/virtual/a'), 'error').then(([error]) => error.message),
      await promisify(fs.writeFile)('/virtual/a', 'x').catch((error) => error.message),
    ];
    const before = engine.stats().submitted;
    await fs.promises.lstat(argument);
    const after = engine.stats().submitted;
    console.log(JSON.stringify([archived, before - submitted, after - before]));`;
  const args = [fileWith('content')];
  const flags = ['--require', fileWith(patch, 'patch.cjs')];
  // In some versions, Node's own writeFile() calls open() by its name.
  const [archived] = await resultOfChild<unknown[]>(script, { flags, args });
  expect(archived).toEqual(expect.arrayContaining(['archived', 8]));
  const registered = { flags: [...flags, ...withImport.flags], args };
  expect(await resultOfChild(script, registered)).toEqual([archived, 0, 1]);
});

testWhere(process.platform !== 'win32', 'numbers run on the engine there')(
  'close() that was replaced before register() still finds reads handed over',
  async () => {
    const script = `
      fs.writeFileSync('one', 'one');
      fs.writeFileSync('two', 'two');
      const seen = [];
      for (let i = 0; i < 20; i++) {
        const fd = fs.openSync('one');
        const memory = Buffer.alloc(3);
        seen.push(new Promise((resolve) => {
          fs.read(fd, memory, 0, 3, 0, () => resolve(memory.toString()));
        }));
        fs.close(fd);
        fs.openSync('two');
      }
      console.log(JSON.stringify([...new Set(await Promise.all(seen))]));`;
    const inFolder = `process.chdir(path.dirname(process.argv[1]));${script}`;
    const flags = ['--require', fileWith(patch, 'patch.cjs'), ...withImport.flags];
    expect(await resultOfChild(inFolder, { flags })).toEqual(['one']);
  },
);

test('a replaced function that Node would call is called', async () => {
  const script = `
    const { default: live } = await import('node:fs');
    const { promisify } = await import('node:util');
    const calls = [];
    const stub = (name) => {
      const own = live[name];
      live[name] = (...given) => { calls.push(name); live[name] = own; return own(...given); };
    };
    stub('open');
    await promisify(live.writeFile)(argument, 'content');
    stub('writeFile');
    await promisify(live.appendFile)(argument, 'content');
    stub('lstat');
    await promisify(live.rm)(argument);
    stub('open');
    await once(live.createReadStream(argument), 'error');
    console.log(JSON.stringify(calls));`;
  // Which functions these are differs between versions of Node.
  const calls = await resultOfChild<string[]>(script, { args: [fileWith('content')] });
  const registered = { ...withImport, args: [fileWith('content')] };
  expect(await resultOfChild(script, registered)).toEqual(calls);
  expect(calls).toContain('open');
});

test('--pending-deprecation only warns about calls of the program', async () => {
  const script = `
    const warnings = [];
    process.on('warning', ({ code }) => warnings.push(code));
    await fs.promises.readFile(argument);
    await turn();
    console.log(JSON.stringify([warnings, process.noDeprecation === undefined]));`;
  const flags = ['--pending-deprecation', ...withImport.flags];
  expect(await resultOfChild(script, { flags, args: [fileWith('content')] })).toEqual([[], true]);
});

// Test tools also replace one native function, for example to let a write fail.
for (const [name, use] of [
  ['fstat', "readFile(argument, 'utf8')"],
  ['writeBuffer', "writeFile(argument, Buffer.from('x'))"],
  ['unlink', "rm(path.dirname(argument) + '/folder', { recursive: true })"],
  ['rmdir', "rm(path.dirname(argument) + '/folder', { recursive: true })"],
]) {
  test(`calls go to Node while ${name} alone is replaced`, async () => {
    const script = `
      const binding = process.binding('fs');
      const own = binding.${name};
      fs.mkdirSync(path.dirname(argument) + '/folder');
      fs.writeFileSync(path.dirname(argument) + '/folder/file', '');
      const { submitted } = engine.stats();
      binding.${name} = (...given) => own.apply(binding, given);
      await fs.promises.${use};
      console.log(JSON.stringify(engine.stats().submitted - submitted));`;
    const options = { flags: [...withImport.flags, ...quiet], args: [fileWith('content')] };
    expect(await resultOfChild(script, options)).toBe(0);
  });
}

test('the addon is found while functions of fs serve a virtual file system', async () => {
  // A CommonJS module, because the loader of ES modules may read through the engine.
  const script = `
    const fs = require('node:fs');
    const missing = () => { throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' }); };
    for (const name of ['statSync', 'lstatSync', 'realpathSync', 'readFileSync', 'openSync']) {
      fs[name] = missing;
    }
    fs.existsSync = () => false;
    fs.promises.readFile(process.argv[2], 'utf8').then((content) => {
      console.log(JSON.stringify(content));
    });`;
  const options = {
    flags: ['--require', fileURLToPath(registerUrl.replace(/\.js$/, '.cjs'))],
    args: [fileWith('content')],
    name: 'child.cjs',
  };
  expect(await resultOfChild(script, options)).toBe('content');
});
