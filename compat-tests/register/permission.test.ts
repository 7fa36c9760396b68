import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { distUrl, fileWith, resultOfChild } from '../helpers.js';

// Node's permission model, and --no-addons.

const registerUrl = distUrl('register.js');
const root = fileURLToPath(new URL('../..', import.meta.url));
const major = Number.parseInt(process.versions.node, 10);
const permission = major < 24 ? '--experimental-permission' : '--permission';
const content = fileWith('content');
const readable = [`${path.dirname(content)}*`, `${root}*`].map(
  (place) => `--allow-fs-read=${place}`,
);

// The script is in a separate folder, which may be read, too.
const script = `
import fs from 'node:fs';
const own = fs.promises.readFile;
const { engine, readFile } = await import(process.argv[3]);
const tell = async (call) => {
  try {
    return await call();
  } catch ({ code, message }) {
    return [code, message];
  }
};
console.log(JSON.stringify({
  registered: await tell(() => fs.promises.readFile(process.argv[2], 'utf8')),
  opened: await tell(async () => {
    const handle = await fs.promises.open(process.argv[2]);
    const text = await handle.readFile('utf8');
    await handle.close();
    return text;
  }),
  bigint: await tell(async () => {
    const { size } = await fs.promises.stat(process.argv[2], { bigint: true });
    return typeof size;
  }),
  direct: await tell(() => readFile(process.argv[2], 'utf8')),
  kind: await tell(() => engine.kind),
}));`;

function run(flags: string[]): Promise<unknown> {
  const program = fileWith(script, 'program.mjs');
  const parent = `
    import { execFileSync } from 'node:child_process';
    const [cwd, ...args] = process.argv.slice(2);
    process.stdout.write(execFileSync(process.execPath, args, { cwd, encoding: 'utf8' }));`;
  const place = `--allow-fs-read=${path.dirname(program)}*`;
  const more = flags.includes(permission) ? [...flags, ...readable, place] : flags;
  const register = `--import=${registerUrl}`;
  const index = distUrl('index.js');
  // A folder that may not be read.
  const cwd = path.parse(root).root;
  return resultOfChild(parent, {
    args: [cwd, '--no-warnings', ...more, register, program, content, index],
  });
}

const served = { registered: 'content', opened: 'content', bigint: 'bigint' };

test('with --allow-addons the package works in a folder that may not be read', async () => {
  const kind = process.env.OVERLAPPED_ENGINE;
  expect(await run([permission, '--allow-addons'])).toEqual({ ...served, direct: 'content', kind });
});

for (const [flag, remedy] of [
  [permission, 'the permission model denies: add --allow-addons.'],
  ['--no-addons', '--no-addons denies: remove --no-addons.'],
] as const) {
  test(`under ${flag} node:fs is unchanged, and calls report what is missing`, async () => {
    const message = `overlapped needs its native addon, which ${remedy}`;
    const failure = [expect.stringMatching(/^ERR_(DLOPEN_DISABLED|ACCESS_DENIED)$/), message];
    expect(await run([flag])).toEqual({ ...served, direct: failure, kind: failure });
  });
}

// Calls all kinds of functions that write, for two files; the second may be written until drop().
const writers = `
import fs from 'node:fs';
import { promisify } from 'node:util';
const [, , index, denied, allowed] = process.argv;
const { readFile } = await import(index);
const written = (stream) => new Promise((resolve, reject) => {
  stream.on('error', reject).on('close', resolve).end('x');
});
const calls = {
  writeFile: (file) => fs.promises.writeFile(file, 'x'),
  open: async (file) => (await fs.promises.open(file, 'r+')).close(),
  truncate: (file) => fs.promises.truncate(file, 0),
  byCallback: (file) => promisify(fs.writeFile)(file, 'x'),
  createWriteStream: (file) => written(fs.createWriteStream(file)),
  WriteStream: (file) => written(new fs.WriteStream(file)),
  rm: (file) => fs.promises.rm(file),
};
async function outcomes(file) {
  const entries = [];
  for (const [name, call] of Object.entries(calls)) {
    entries.push([name, await call(file).then(() => 'done', ({ code }) => code)]);
  }
  return Object.fromEntries(entries);
}
// The engine itself runs.
await readFile(process.argv[1]);
const first = [await outcomes(denied), await outcomes(allowed)];
fs.writeFileSync(allowed, 'x');
process.permission.drop?.('fs.write');
const dropped = process.permission.drop ? await outcomes(allowed) : first[0];
console.log(JSON.stringify([...first, dropped]));`;

const writes = ['writeFile', 'open', 'truncate', 'byCallback', 'createWriteStream', 'WriteStream'];
const names = [...writes, 'rm'];
const all = (outcome: string): unknown => Object.fromEntries(names.map((name) => [name, outcome]));

test('with --allow-addons, node:fs under register keeps to --allow-fs-write', async () => {
  const program = fileWith(writers, 'program.mjs');
  const [denied, allowed] = [fileWith('kept'), fileWith('changed')];
  const places = ['--allow-fs-read=*', `--allow-fs-write=${path.dirname(allowed)}${path.sep}*`];
  const flags = ['--no-warnings', permission, '--allow-addons', ...places];
  const parent = `
    import { execFileSync } from 'node:child_process';
    const [, , ...args] = process.argv;
    process.stdout.write(execFileSync(process.execPath, args, { encoding: 'utf8' }));`;
  const more = [`--import=${registerUrl}`, program, distUrl('index.js'), denied, allowed];
  const seen = await resultOfChild(parent, { args: [...flags, ...more] });
  expect(seen).toEqual([all('ERR_ACCESS_DENIED'), all('done'), all('ERR_ACCESS_DENIED')]);
});
