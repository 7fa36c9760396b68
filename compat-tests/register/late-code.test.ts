import { expect, test } from 'vitest';
import { fileWith, resultOfChild } from '../helpers.js';

// Compiling is the largest part of loading, so code that a program may not need loads late.

const register = new URL('../../dist/register.js', import.meta.url).href;

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
  expect(found.atStart).toEqual(['core.cjs', 'index.cjs', 'register.cjs']);
  expect(found.afterReading).toEqual(found.atStart);
  expect(found.afterStream).toContain('streams.cjs');
  expect(found.afterStream).not.toContain('copy.cjs');
  expect(found.afterCopy).toContain('rarely.cjs');
});
