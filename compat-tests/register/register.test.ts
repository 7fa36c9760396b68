import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  builtModule,
  distUrl,
  fileWith,
  makeFifo,
  resultOfChild,
  testWithFifo,
} from '../helpers.js';

const registerUrl = distUrl('register.js');
const fsUrl = distUrl('fs.js');
const registerFile = fileURLToPath(registerUrl);
const quiet = '--disable-warning=ExperimentalWarning';
const withImport = { flags: [`--import=${registerUrl}`] };
const withRequire = { flags: [quiet, '--require', registerFile] };

// Reports whether a call ran on the engine.
const onEngine = `
const { engine: ours } = await import(${JSON.stringify(distUrl('index.js'))});
async function onEngine(call) {
  const before = ours.stats().submitted;
  await call();
  return ours.stats().submitted > before;
}
`;
const file = JSON.stringify(fileWith('content'));

const commonJsScript = `
const fs = require('fs');
const promises = require('fs/promises');
const { promisify } = require('util');
(async () => {
  ${onEngine}
  const handle = await promises.open(${file});
  console.log(JSON.stringify({
    same: fs.promises === promises && require('node:fs') === fs &&
      require('node:fs/promises') === promises,
    constants: promises.constants === fs.constants,
    promise: await onEngine(() => promises.readFile(${file})),
    callback: await onEngine(() => promisify(fs.readFile)(${file})),
    stream: await onEngine(() => fs.createReadStream(${file}).toArray()),
    stat: await onEngine(() => promises.stat(${file})),
    handle: await onEngine(() => handle.read({ position: 0 })),
    alignment: handle.alignment,
  }));
  await handle.close();
})();
`;
const allServed = { promise: true, callback: true, stream: true, stat: true, handle: true };
const served = { same: true, constants: true, ...allServed, alignment: null };

describe('a CommonJS program is served', () => {
  const name = 'child.cjs';
  test('with --import', async () => {
    expect(await resultOfChild(commonJsScript, { name, ...withImport })).toEqual(served);
  });
  test('with --require', async () => {
    expect(await resultOfChild(commonJsScript, { name, ...withRequire })).toEqual(served);
  });
  test('after require()', async () => {
    const script = `require(${JSON.stringify(registerFile)});${commonJsScript}`;
    expect(await resultOfChild(script, { name, flags: [quiet] })).toEqual(served);
  });
  test('that has already taken its functions, after import()', async () => {
    const script = `
      const before = require('fs');
      const { promises } = before;
      const run = () => { ${commonJsScript} };
      import(${JSON.stringify(registerUrl)}).then(() => {
        if (promises !== before.promises) throw new Error('another object');
        run();
      });`;
    expect(await resultOfChild(script, { name })).toEqual(served);
  });
});

const moduleScript = `
import defaultFs, { promises as fsPromises } from 'fs';
import { readFile as readFileByCallback, createReadStream } from 'fs';
import * as everything from 'fs';
import defaultPromises, { readFile as readFileByName, open as openByName } from 'fs/promises';
import * as everyPromise from 'node:fs/promises';
import { promisify } from 'node:util';
${onEngine}
const named = await openByName(${file});
console.log(JSON.stringify({
  same: defaultFs.promises === defaultPromises && fsPromises === defaultPromises &&
    everything.readFile === defaultFs.readFile && everyPromise.readFile === readFileByName,
  promise: await onEngine(() => readFileByName(${file})),
  callback: await onEngine(() => promisify(readFileByCallback)(${file})),
  stream: await onEngine(() => createReadStream(${file}).toArray()),
  stat: await onEngine(() => everyPromise.stat(${file})),
  handle: await onEngine(() => named.read({ position: 0 })),
}));
await named.close();
`;

describe('an ES module is served by default, by name and by star', () => {
  const expected = { same: true, ...allServed };
  test('with --import', async () => {
    expect(await resultOfChild(moduleScript, withImport)).toEqual(expected);
  });
  test('with --require', async () => {
    expect(await resultOfChild(moduleScript, withRequire)).toEqual(expected);
  });
  test('with an import of its own, also after that of node:fs', async () => {
    const statement = `import '${registerUrl}';\n`;
    const script = moduleScript.replace('import * as every', `${statement}import * as every`);
    expect(await resultOfChild(script)).toEqual(expected);
  });
  test('with NODE_OPTIONS', async () => {
    const script = `
      import { execFileSync } from 'node:child_process';
      const output = process.argv[1] + '.json';
      const descriptor = fs.openSync(output, 'w');
      execFileSync(process.execPath, [argument], {
        env: { ...process.env, NODE_OPTIONS: '--import=${registerUrl}' },
        stdio: ['ignore', descriptor, 'inherit'],
      });
      console.log(fs.readFileSync(output, 'utf8'));`;
    const program = fileWith(moduleScript, 'program.mjs');
    expect(await resultOfChild(script, { args: [program] })).toEqual(expected);
  });
});

// Everything observable about the properties of an object, with the functions themselves by number.
const snapshot = `
const seen = new Map();
const number = (value) => {
  if (typeof value !== 'function') return typeof value;
  if (!seen.has(value)) seen.set(value, seen.size);
  return seen.get(value);
};
const shape = (object) => Object.entries(Object.getOwnPropertyDescriptors(object)).map(
  ([name, { value, get, set, ...rest }]) => [name, get ? 'accessor' : 'value', rest,
    (object[name] ?? {}).name, (object[name] ?? {}).length,
    typeof object[name] === 'function'
      ? Object.getOwnPropertySymbols(object[name]).map(String) : typeof object[name]]);
const identity = (object) => Object.keys(object).map((name) => [name, number(object[name])]);
`;

test('replaced functions keep their names, lengths and symbols', async () => {
  const script = `
    ${snapshot}
    import nodeFs from 'node:fs';
    const before = JSON.stringify([shape(nodeFs), shape(nodeFs.promises)]);
    const functions = JSON.stringify([identity(nodeFs), identity(nodeFs.promises)]);
    await import('${registerUrl}');
    const after = JSON.stringify([shape(nodeFs), shape(nodeFs.promises)]);
    const changed = functions !== JSON.stringify([identity(nodeFs), identity(nodeFs.promises)]);
    console.log(JSON.stringify({ before, after, changed }));`;
  const { before, after, changed } = await resultOfChild<Record<string, string>>(script);
  expect(JSON.parse(after as string)).toEqual(JSON.parse(before as string));
  expect(changed).toBe(true);
});

test('unregister() restores the original functions', async () => {
  const script = `
    ${snapshot}
    import nodeFs, { readFile as named, ReadStream } from 'node:fs';
    import { open as openByName } from 'node:fs/promises';
    import workerThreads from 'node:worker_threads';
    const all = () => JSON.stringify([identity(nodeFs), identity(nodeFs.promises), number(named),
      number(ReadStream), number(openByName), number(workerThreads.Worker)]);
    const before = all();
    await import('${registerUrl}');
    const { register, unregister } = await import('${fsUrl}');
    const during = all();
    register();
    const again = all();
    const kept = [unregister(), unregister()];
    const after = all();
    register();
    const anew = all();
    kept.push(unregister());
    console.log(JSON.stringify({ changed: before !== during, idempotent: during === again,
      back: before === after, differsAnew: before !== anew, kept, end: before === all() }));`;
  expect(await resultOfChild(script)).toEqual({
    changed: true,
    idempotent: true,
    back: true,
    differsAnew: true,
    kept: [[], [], []],
    end: true,
  });
});

test('replaced functions give way to functions that others install', async () => {
  const script = `
    import nodeFs from 'node:fs';
    import { promisify } from 'node:util';
    const calls = [];
    const wrap = (name, mark) => {
      const inner = nodeFs[name];
      nodeFs[name] = (...args) => { calls.push(mark); return inner(...args); };
      return nodeFs[name];
    };
    const before = wrap('stat', 'before');
    await import('${registerUrl}');
    const { unregister } = await import('${fsUrl}');
    const onTop = wrap('readFile', 'on top');
    const text = await promisify(nodeFs.readFile)(${file}, 'utf8');
    const kept = unregister();
    const still = await promisify(nodeFs.readFile)(${file}, 'utf8');
    console.log(JSON.stringify({ text, still, kept, calls,
      stays: nodeFs.readFile === onTop, back: nodeFs.stat === before }));`;
  expect(await resultOfChild(script)).toEqual({
    text: 'content',
    still: 'content',
    kept: ['readFile'],
    calls: ['on top', 'on top'],
    stays: true,
    back: true,
  });
});

test('classes of streams that others install before or after register() are kept', async () => {
  const script = `
    import nodeFs from 'node:fs';
    const { register, unregister } = await import('${fsUrl}');
    const nodes = nodeFs.ReadStream;
    const Before = class extends nodes {};
    nodeFs.ReadStream = Before;
    register();
    const during = [nodeFs.ReadStream === Before, nodeFs.WriteStream.name];
    const After = class extends nodeFs.WriteStream {};
    nodeFs.WriteStream = After;
    const kept = unregister();
    console.log(JSON.stringify([during, kept, nodeFs.ReadStream === Before,
      nodeFs.WriteStream === After, nodeFs.FileReadStream === nodes]));`;
  const expected = [[true, 'WriteStream'], ['WriteStream'], true, true, true];
  expect(await resultOfChild(script)).toEqual(expected);
});

test('replaced functions work with util.promisify as before', async () => {
  const script = `
    import nodeFs from 'node:fs';
    import { promisify } from 'node:util';
    const all = async () => {
      const fd = nodeFs.openSync(${file}, 'r+');
      const results = [
        await promisify(nodeFs.read)(fd, Buffer.alloc(3), 0, 3, 1),
        await promisify(nodeFs.readv)(fd, [Buffer.alloc(3)], 1),
        await promisify(nodeFs.write)(fd, Buffer.from('c'), 0, 1, 0),
        await promisify(nodeFs.writev)(fd, [Buffer.from('c')], 0),
        await promisify(nodeFs.exists)(${file}),
        await promisify(nodeFs.readFile)(fd, 'utf8'),
        await promisify(nodeFs.stat)(${file}).then((status) => status.size),
        await promisify(nodeFs.close)(fd),
      ];
      return JSON.stringify(results);
    };
    const before = await all();
    await import('${registerUrl}');
    console.log(JSON.stringify([before === await all(), before]));`;
  const [same, shown] = await resultOfChild<[boolean, string]>(script);
  expect(shown).toContain('bytesRead');
  expect(same).toBe(true);
});

test('no function is added that the running Node lacks', async () => {
  const script = `
    import nodeFs from 'node:fs';
    const before = [Object.keys(nodeFs), Object.keys(nodeFs.promises)];
    await import('${registerUrl}');
    console.log(JSON.stringify([before, [Object.keys(nodeFs), Object.keys(nodeFs.promises)]]));`;
  const [before, after] = await resultOfChild<unknown[]>(script);
  expect(after).toEqual(before);
});

test('open() rejects the modes that Node rejects, and accepts our options', async () => {
  const script = `
    import { open as openByName } from 'node:fs/promises';
    const codes = [];
    for (const mode of [{}, [], false, 'x', -1, { flags: 'r' }]) {
      await openByName(${file}, 'r', mode).then(
        (handle) => handle.close(), ({ code }) => codes.push(code));
    }
    const handle = await openByName(${file}, 'r', { access: 'random' });
    await handle.close();
    console.log(JSON.stringify(codes));`;
  const type = 'ERR_INVALID_ARG_TYPE';
  const [value, range] = ['ERR_INVALID_ARG_VALUE', 'ERR_OUT_OF_RANGE'];
  const codes = [type, type, type, value, range, type];
  expect(await resultOfChild(script, withImport)).toEqual(codes);
});

test('an unavailable engine is an error when a function is called', async () => {
  const script = `
    require('fs/promises').readFile(${file}).catch(({ code }) => {
      console.log(JSON.stringify(code));
    });`;
  // A CommonJS program, because some versions of Node read ES modules with the replaced function.
  const options = { ...withRequire, name: 'child.cjs', env: { OVERLAPPED_ENGINE: 'none' } };
  expect(await resultOfChild(script, options)).toBe('ERR_ENGINE_UNAVAILABLE');
});

test('the package exports overlapped/register', () => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { exports } = JSON.parse(text) as { exports: Record<string, unknown> };
  expect(exports['./register']).toEqual({
    require: { types: './dist/register.d.cts', default: './dist/register.cjs' },
    default: {
      types: './dist/register.d.ts',
      'node-addons': './dist/register.js',
      default: './dist/bundler/register.js',
    },
  });
  expect(builtModule).toContain('dist');
});

testWithFifo('a child that runs synchronously meets the readers from before it', async () => {
  const script = `
    const { execFileSync, execSync, spawnSync } = await import('node:child_process');
    const written = 'echo written > "' + argument + '"';
    const run = [
      () => execSync(written),
      () => execFileSync('sh', ['-c', written]),
      () => spawnSync('sh', ['-c', written]),
    ];
    const seen = [];
    for (const call of run) {
      // Operations late in a long turn wait for the next one.
      const first = fs.promises.stat('.');
      for (let i = 0; i < 9; i++) await null;
      for (const start = Date.now(); Date.now() - start < 5; );
      const read = fs.promises.readFile(argument, 'utf8');
      call();
      await first;
      seen.push(await read);
    }
    console.log(JSON.stringify(seen));`;
  const args = [makeFifo()];
  const lines = Array.from({ length: 3 }, () => 'written\n');
  expect(await resultOfChild(script, { ...withImport, args })).toEqual(lines);
});
