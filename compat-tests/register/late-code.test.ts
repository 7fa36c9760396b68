import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { distUrl, fileWith, resultOfChild } from '../helpers.js';

// Compiling is the largest part of loading, so code that a program may not need loads late.

const register = distUrl('register.js');

const script = `
  import { createRequire } from 'node:module';
  import { basename } from 'node:path';
  import { finished } from 'node:stream/promises';
  const { cache } = createRequire(import.meta.url);
  const loaded = () => Object.keys(cache).map((file) => basename(file)).sort();
  const found = { atStart: loaded() };
  await fs.promises.readFile(argument);
  const handle = await fs.promises.open(argument);
  await handle.read(Buffer.alloc(4), 0, 4, 0);
  await handle.close();
  found.afterReading = loaded();
  await finished(fs.createReadStream(argument).resume());
  found.afterStream = loaded();
  await fs.promises.copyFile(argument, argument + '.copy');
  await fs.promises.rm(argument + '.copy');
  found.afterCopy = loaded();
  console.log(JSON.stringify(found));`;

test('the code of streams and of rare functions loads when it is first needed', async () => {
  const options = { args: [fileWith('content')], flags: [`--import=${register}`] };
  const found = (await resultOfChild(script, options)) as Record<string, string[]>;
  expect(found.atStart).toEqual(['base.cjs', 'core.cjs', 'index.cjs', 'register.cjs']);
  expect(found.afterReading).toEqual(found.atStart);
  expect(found.afterStream).toContain('streams.cjs');
  expect(found.afterStream).not.toContain('copy.cjs');
  expect(found.afterCopy).toContain('rarely.cjs');
});

// A CommonJS module, because the prelude of the others loads the engine.
const plainScript = `
  const fs = require('node:fs');
  const { basename } = require('node:path');
  const loaded = () => Object.keys(require.cache).map((file) => basename(file)).sort();
  const found = { atStart: loaded() };
  fs.closeSync(fs.openSync(process.argv[2]));
  const shape = Object.getOwnPropertyDescriptor(fs, 'ReadStream');
  found.afterSync = loaded();
  fs.readFile(process.argv[2], 'utf8', (error, text) => {
    found.text = text;
    found.afterReading = loaded();
    found.isAccessor = shape.get !== undefined && shape.get() === fs.createReadStream('x').on(
      'error', () => {}).constructor;
    console.log(JSON.stringify(found));
  });`;

test('the code of the engine loads when a function is first called', async () => {
  const flags = [`--require=${fileURLToPath(register).replace(/js$/, 'cjs')}`];
  const options = { name: 'child.cjs', args: [fileWith('content')], flags };
  const atStart = ['base.cjs', 'child.cjs', 'register.cjs', 'register.cjs'];
  expect(await resultOfChild(plainScript, options)).toEqual({
    atStart,
    afterSync: atStart,
    text: 'content',
    afterReading: [...atStart, 'core.cjs'].sort(),
    isAccessor: true,
  });
});

test('functions are those of Node where the code of the engine does not load', async () => {
  const script = `
    const fs = require('node:fs');
    const { Module } = require('node:module');
    const warnings = [];
    process.on('warning', ({ message }) => warnings.push(message));
    const load = Module._load;
    Module._load = (request, ...given) => {
      if (request.endsWith('core.cjs')) throw new TypeError('changed');
      return load(request, ...given);
    };
    fs.promises.readFile(process.argv[2], 'utf8').then((text) => {
      fs.readFile(process.argv[2], 'utf8', (error, again) => {
        console.log(JSON.stringify([text, again, warnings]));
      });
    });`;
  const options = {
    name: 'child.cjs',
    args: [fileWith('content')],
    flags: [`--import=${register}`, '--no-warnings'],
  };
  const warning = 'overlapped does not load, and node:fs serves: TypeError: changed';
  expect(await resultOfChild(script, options)).toEqual(['content', 'content', [warning]]);
});
