import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import {
  openOptions,
  parseOpenOptions,
  windowsOpenOptions,
} from '../../lib/handle/open-options.js';
import { createReadStream, createWriteStream, engine, open } from '../../lib/index.js';
import { ReadStream } from '../../lib/streams/streamx.js';
import {
  distUrl,
  fileWith,
  isLinux,
  rejection,
  resultOfChild,
  temporaryFolder,
} from '../helpers.js';

const registerUrl = distUrl('register.js');
const page = fs.readFileSync(new URL('../../docs/api/open.md', import.meta.url), 'utf8');

const source = fs.readFileSync(
  new URL('../../lib/handle/open-options.ts', import.meta.url),
  'utf8',
);

/** Returns the options of an interface as lines of a table: name, type and comment of each. */
function linesOf(name: string): string[] {
  const start = source.indexOf(`export interface ${name} {`);
  const body = source.slice(start, source.indexOf('\n}\n', start));
  const members = body.matchAll(/\/\*\*(.*?)\*\/\s+(\w+)\?: (.*?) \| undefined;/gs);
  return Array.from(members, ([, comment = '', option, type = '']) => {
    const meaning = comment.replace(/\s+\*?\s*/g, ' ').trim();
    const cells = [`\`${option}\``, `\`${type}\``, meaning];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
}

test.each([
  ['OpenOptions', openOptions],
  ['WindowsOpenOptions', windowsOpenOptions],
])('docs/api/open.md has each option of %s with its comment', (name, table) => {
  const lines = linesOf(name);
  const names = lines.map((line) => line.split('`')[1]);
  expect(names.sort()).toEqual(Object.keys(table).sort());
  const options = page.split('\n').filter((line) => line.startsWith('| `'));
  expect(options.filter((line) => names.includes(line.split('`')[1]))).toEqual(lines);
});

// A value of each option that every system accepts.
const usable = {
  mode: 0o600,
  unbuffered: 'prefer',
  writeThrough: true,
  access: 'random',
  dontCache: 'prefer',
  // macOS refuses it, and Wine has no such hint.
  ioPriority: isLinux ? 'low' : undefined,
  deleteOnClose: false,
  preallocate: 0,
  share: 'none',
  attributesOnly: false,
  inheritable: true,
  windows: { attributes: { readOnly: false } },
  signal: null,
} satisfies Record<keyof typeof openOptions, unknown>;

test('fs.promises.open takes each option under overlapped/register', async () => {
  const script = `
    import nodeFs from 'node:fs';
    const outcomes = {};
    for (const [name, value] of Object.entries(${JSON.stringify(usable)})) {
      const given = name === 'signal' ? AbortSignal.timeout(60_000) : value;
      outcomes[name] = await nodeFs.promises.open(argument, 'r', { [name]: given }).then(
        async (handle) => { await handle.close(); return 'ok'; }, ({ code }) => code);
    }
    console.log(JSON.stringify(outcomes));
    process.exit();`;
  const options = { flags: [`--import=${registerUrl}`], args: [fileWith('content')] };
  const tried = Object.entries(usable).filter(([, value]) => value !== undefined);
  const expected = Object.fromEntries(tried.map(([name]) => [name, 'ok']));
  expect(await resultOfChild(script, options)).toEqual(expected);
});

describe('streams of a path pass their options to open()', () => {
  const name = (share: string): string => `share: ${share}`;
  for (const make of [createReadStream, createWriteStream]) {
    test(`${make.name}: ${name('none')} excludes others`, async () => {
      const file = fileWith('content');
      const stream = make(file, { share: 'none' });
      await once(stream, 'open');
      expect((await rejection(open(file, 'r', { share: 'none' }))).code).toBe('EBUSY');
      stream.destroy();
      await once(stream, 'close');
    });
  }

  test(`streamx's ReadStream: ${name('none')} excludes others`, async () => {
    const file = fileWith('content');
    const stream = new ReadStream(file, { share: 'none' });
    await once(stream, 'readable');
    expect((await rejection(open(file, 'r', { share: 'none' }))).code).toBe('EBUSY');
    stream.destroy();
    await once(stream, 'close');
  });

  test('a wrong value fails the stream', async () => {
    const stream = createReadStream(fileWith('content'), { share: 'nobody' as 'none' });
    const [error] = await once(stream, 'error');
    expect(error.code).toBe('ERR_INVALID_ARG_VALUE');
  });
});

describe('an option on Object.prototype does not reach open()', () => {
  const polluted = Object.prototype as { deleteOnClose?: boolean; windows?: object };
  afterEach(() => {
    delete polluted.deleteOnClose;
    delete polluted.windows;
  });

  test('open() and streams keep the file', async () => {
    polluted.deleteOnClose = true;
    const file = fileWith('content');
    await (await open(file, 'r', {})).close();
    await createReadStream(file, { start: 0 }).toArray();
    await createReadStream(file).toArray();
    expect(fs.existsSync(file)).toBe(true);
  });

  test('an own property takes effect', async () => {
    polluted.deleteOnClose = false;
    const file = fileWith('content');
    await (await open(file, 'r', { deleteOnClose: true })).close();
    expect(fs.existsSync(file)).toBe(false);
  });

  test('nor does windows on Object.prototype', () => {
    polluted.windows = { backupIntent: true };
    expect(parseOpenOptions('r', {}).options).toBe(0);
  });
});

test('inherited options of a class take effect', async () => {
  class Options {
    get deleteOnClose(): boolean {
      return true;
    }
  }
  const file = fileWith('content');
  await (await open(file, 'r', new Options())).close();
  expect(fs.existsSync(file)).toBe(false);
});

test('windows must be an object; otherwise nothing happens', async () => {
  const file = path.join(temporaryFolder(), 'new');
  const { submitted } = engine.stats();
  for (const windows of [null, 'backupIntent', ['backupIntent'], true]) {
    const error = await rejection(open(file, 'w', { windows: windows as object }));
    expect(error.code).toBe('ERR_INVALID_ARG_TYPE');
  }
  expect(engine.stats().submitted).toBe(submitted);
});
