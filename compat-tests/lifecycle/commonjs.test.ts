import { expect } from 'vitest';
import { builtModule, fileWith, resultOfChild, testWhere } from '../helpers.js';

const test = testWhere(true, '');

test('require() loads the whole package in a CommonJS module', async () => {
  const script = `
    const overlapped = require(${JSON.stringify(builtModule)});
    overlapped.readFile(process.argv[2], 'utf8').then((text) => {
      console.log(JSON.stringify({ text, kind: overlapped.engine.kind,
        names: Object.keys(overlapped).sort() }));
    });`;
  const options = {
    name: 'child.cjs',
    args: [fileWith('content')],
    flags: ['--disable-warning=ExperimentalWarning'],
  };
  const result = await resultOfChild<{ names: string[] }>(script, options);
  expect(result).toMatchObject({ text: 'content', kind: process.env.OVERLAPPED_ENGINE });
  const { names } = result;
  for (const name of ['open', 'readFile', 'writeFile', 'appendFile', 'stat', 'allocAligned']) {
    expect(names).toContain(name);
  }
});
