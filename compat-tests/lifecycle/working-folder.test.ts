import { expect, test } from 'vitest';
import { distUrl, isWindows, resultOfChild, testWhere } from '../helpers.js';

// Relative paths and the umask are those at the time of the call, whatever the program does before
// its turn ends. Runs in a child process, because vitest's threads must not change their folder.

const fsUrl = distUrl('fs.js');
const registerUrl = distUrl('register.js');

const prepare = `
process.chdir(path.dirname(process.argv[1]));
const { default: ours } = await import('${fsUrl}');
const { promises } = ours;
for (const name of ['a', 'b']) {
  fs.mkdirSync(name + '/folder', { recursive: true });
  fs.writeFileSync(name + '/file', name);
  fs.writeFileSync(name + '/folder/' + name, '');
}
const root = process.cwd();
const textOf = async (handle) => {
  const text = await handle.readFile('utf8');
  await handle.close();
  return text;
};
const wait = (start) => new Promise((resolve, reject) => {
  start((error, value) => (error ? reject(error) : resolve(value)));
});
const calls = {
  readFile: () => promises.readFile('file', 'utf8'),
  'readFile of bytes': () => promises.readFile(Buffer.from('file'), 'utf8'),
  'readFile with a callback': () => wait((done) => ours.readFile('file', 'utf8', done)),
  open: () => promises.open('file').then(textOf),
  stat: () => promises.stat('folder/a').then(() => 'a', () => 'b'),
  lstat: () => promises.lstat('folder/a').then(() => 'a', () => 'b'),
  access: () => promises.access('folder/a').then(() => 'a', () => 'b'),
  // Not all of these can be done before they return.
  'access after other calls': () => {
    for (let i = 0; i < 50; i++) promises.access('folder');
    return promises.access('folder/a').then(() => 'a', () => 'b');
  },
  readdir: () => promises.readdir('folder').then(([name]) => name),
  writeFile: async () => {
    await promises.writeFile('new', '');
    return fs.existsSync(root + '/a/new') ? 'a' : 'b';
  },
};
`;

test('a path is relative to the working folder at the time of the call', async () => {
  const script = `${prepare}
    const seen = {};
    for (const [name, call] of Object.entries(calls)) {
      seen[name] = '';
      for (let i = 0; i < 5; i++) {
        process.chdir(root + '/a');
        const first = call();
        process.chdir(root + '/b');
        const second = name === 'writeFile' ? 'b' : call();
        process.chdir(root);
        seen[name] += (await first) + (await second);
        fs.rmSync('a/new', { force: true });
      }
    }
    console.log(JSON.stringify([...new Set(Object.values(seen))]));`;
  expect(await resultOfChild(script)).toEqual(['ababababab']);
});

test('an error names the path as it was given', async () => {
  const script = `${prepare}
    process.chdir(root + '/a');
    const reading = promises.readFile('none').catch(({ path }) => path);
    process.chdir(root);
    console.log(JSON.stringify(await reading));`;
  // On Windows node:fs names the whole path.
  const shown = isWindows ? expect.stringMatching(/\\a\\none$/) : 'none';
  expect(await resultOfChild(script)).toEqual(shown);
});

testWhere(!isWindows, 'Windows keeps the folder of a process')(
  'a folder that has been renamed or removed is still the one of the call',
  async () => {
    const script = `${prepare}
    process.chdir(root + '/a');
    fs.renameSync(root + '/a', root + '/renamed');
    const renamed = await promises.readFile('file', 'utf8');
    fs.rmSync(root + '/renamed', { recursive: true });
    const removed = await promises.readFile('file', 'utf8').catch(({ code }) => code);
    console.log(JSON.stringify([renamed, removed]));`;
    expect(await resultOfChild(script)).toEqual(['a', 'ENOENT']);
  },
);

test('under register, process.umask() submits earlier requests first', async () => {
  const script = `${prepare}
    await promises.stat('a');
    let counts;
    // In a turn that has lasted long, as on a busy machine, the request does not wait for umask().
    for (let attempt = 0; attempt < 100 && counts?.join() !== '0,1'; attempt++) {
      await sleep(5);
      const { batches } = engine.stats();
      const writing = fs.promises.writeFile('new', '');
      const between = engine.stats().batches;
      process.umask(0o077);
      const after = engine.stats().batches;
      await writing;
      counts = [between - batches, after - between];
    }
    console.log(JSON.stringify([...counts, process.umask.name]));`;
  const flags = [`--import=${registerUrl}`];
  expect(await resultOfChild(script, { flags })).toEqual([0, 1, 'wrappedUmask']);
});

testWhere(!isWindows, 'Windows resolves paths at the call')(
  'calls late in a long turn start in it if their path is relative or they create a file',
  async () => {
    const script = `${prepare}
    const late = {
      readFile: () => promises.readFile('a/file'),
      stat: () => promises.stat('a'),
      lstat: () => promises.lstat(Buffer.from('a')),
      access: () => promises.access('a'),
      open: () => promises.open('a/file').then((handle) => handle.close()),
      readdir: () => promises.readdir('a'),
      writeFile: () => promises.writeFile('new', ''),
      'writeFile of a whole path': () => promises.writeFile(root + '/new', ''),
      'open of a new file': () => promises.open(root + '/a/x', 'w').then((file) => file.close()),
    };
    const started = {};
    for (const [name, call] of Object.entries(late)) {
      const first = promises.stat(root);
      for (let i = 0; i < 9; i++) await null;
      for (const start = Date.now(); Date.now() - start < 5; );
      const { submitted } = engine.stats();
      const called = call();
      for (let i = 0; i < 9; i++) await null;
      started[name] = engine.stats().submitted - submitted;
      await first;
      await called;
    }
    console.log(JSON.stringify(started));`;
    const started = await resultOfChild<Record<string, number>>(script);
    expect(Object.values(started)).toHaveLength(9);
    for (const [name, count] of Object.entries(started)) expect(count, name).toBeGreaterThan(0);
  },
);
