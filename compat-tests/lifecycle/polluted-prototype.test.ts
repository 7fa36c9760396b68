import { expect, test } from 'vitest';
import { distUrl, fileWith, resultOfChild } from '../helpers.js';

// Properties that a program has added to Object.prototype are no options of anybody's call.

// Each pair is a property and the JavaScript of its value.
const pollution = {
  signal: 'AbortSignal.abort()',
  flag: "'a'",
  flags: "'w'",
  encoding: "'hex'",
  buffer: 'Buffer.alloc(2)',
  bigint: 'true',
  throwIfNoEntry: 'false',
  recursive: 'true',
  withFileTypes: 'true',
  position: '2',
  offset: '1',
  length: '1',
  core: '{}',
  value: '9',
  dest: "'other'",
  laterSteps: "['other']",
  showPlace: "() => 'other'",
  readAhead: '5',
  writeBehind: '5',
  deleteOnClose: 'true',
  delete: 'true',
  dryRun: 'true',
  overwrite: 'false',
  force: 'true',
};

const uses = `
  const folder = path.dirname(argument);
  fs.mkdirSync(folder + '/tree/sub', { recursive: true });
  fs.writeFileSync(folder + '/tree/sub/inner', '');
  fs.mkdirSync(folder + '/copy');
  fs.writeFileSync(folder + '/copy/kept', '');
  const wait = (start) => new Promise((resolve, reject) => {
    start((error, value) => (error ? reject(error) : resolve(value)));
  });
  const ended = (stream) => new Promise((resolve, reject) => {
    stream.on('error', reject).on('close', () => resolve('closed'));
  });
  const uses = {
    readFile: async () => String(await ours.promises.readFile(argument)),
    'readFile of a callback': async () => String(await wait((d) => ours.readFile(argument, d))),
    stat: async () => (await ours.promises.stat(argument)).size,
    'stat of a callback': async () => (await wait((d) => ours.stat(argument, {}, d))).size,
    'stat of nothing': () => ours.promises.stat(argument + '.none').catch((error) =>
      error.message.replace(argument, 'FILE')),
    readdir: () => ours.promises.readdir(folder + '/tree'),
    'readdir of a callback': () => wait((d) => ours.readdir(folder + '/tree', d)),
    handle: async () => {
      const handle = await ours.promises.open(argument, 'r+');
      const { bytesRead } = await handle.read(Buffer.alloc(3), {});
      const { size } = await handle.stat();
      await handle.lock({});
      await handle.close();
      return [bytesRead, size];
    },
    read: () => wait((d) => ours.read(fs.openSync(argument), Buffer.alloc(3), 0, 3, 0, d)),
    stream: async () => (await ours.createReadStream(argument).toArray()).join(''),
    'write stream': () => ended(ours.createWriteStream(argument + '.out').end('text')),
    writeFile: () => ours.promises.writeFile(argument + '.new', 'text'),
    rm: () => ours.promises.rm(folder + '/tree').catch(({ code }) => code),
    copy: async () => {
      await copy(argument, argument + '.new');
      return fs.readFileSync(argument + '.new', 'utf8');
    },
    copyTree: async () => {
      await copyTree(folder + '/tree', folder + '/copy');
      return [fs.existsSync(folder + '/copy/kept'), fs.existsSync(folder + '/copy/sub/inner')];
    },
    content: () => fs.readFileSync(argument, 'utf8'),
  };`;

// Node's own stream classes take these from Object.prototype, too.
const ofNode = { signal: ['stream', 'write stream'], flags: ['stream'], encoding: ['stream'] };

for (const [name, value] of Object.entries(pollution)) {
  test(`${name} of Object.prototype is no option`, async () => {
    const script = `
      import { default as ours } from '${distUrl('fs.js')}';
      import { copy, copyTree } from '${distUrl('index.js')}';
      ${uses}
      const skipped = ${JSON.stringify((ofNode as Record<string, string[]>)[name] ?? [])};
      const results = {};
      // Node itself loads no modules then.
      await copy(argument, argument + '.before');
      for (const [use, run] of Object.entries(uses)) {
        if (skipped.includes(use)) continue;
        Object.prototype.${name} = ${value};
        const result = await Promise.resolve().then(run).catch((error) => error.message);
        delete Object.prototype.${name};
        results[use] = result ?? 'nothing';
      }
      console.log(JSON.stringify(results));`;
    const results = await resultOfChild<Record<string, unknown>>(script, {
      args: [fileWith('content')],
    });
    const expected: Record<string, unknown> = {
      readFile: 'content',
      'readFile of a callback': 'content',
      stat: 7,
      'stat of a callback': 7,
      'stat of nothing': "ENOENT: no such file or directory, stat 'FILE.none'",
      readdir: ['sub'],
      'readdir of a callback': ['sub'],
      handle: [3, 7],
      read: 3,
      stream: 'content',
      'write stream': 'closed',
      writeFile: 'nothing',
      rm: 'ERR_FS_EISDIR',
      copy: 'content',
      copyTree: [true, true],
      content: 'content',
    };
    for (const use of (ofNode as Record<string, string[]>)[name] ?? []) delete expected[use];
    expect(results).toEqual(expected);
  });
}
