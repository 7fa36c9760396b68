import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { builtModule, fileWith, packageFolder, resultOfChild } from '../helpers.js';

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

const entries = fs.readFileSync(path.join(packageFolder, 'package.json'), 'utf8');
const { exports: exported } = JSON.parse(entries) as {
  exports: Record<string, string | Record<string, string>>;
};

test('require() and import give one instance of every entry, with the same names', async () => {
  const files = Object.entries(exported)
    .filter(([name]) => name !== './register' && name !== './package.json')
    .map(([, conditions]) => conditions as Record<string, string>);
  const script = `
    const { createRequire } = await import('node:module');
    const { pathToFileURL } = await import('node:url');
    const require = createRequire(import.meta.url);
    const different = [];
    let compared = 0;
    for (const files of JSON.parse(argument)) {
      const file = (condition) => {
        const target = condition === 'require' ? files.require.default : files.default[condition];
        return path.join(${JSON.stringify(packageFolder)}, target);
      };
      const required = require(file('require'));
      const others = await import(pathToFileURL(file('node-addons')));
      for (const condition of ['node-addons', 'default']) {
        const imported = await import(pathToFileURL(file(condition)));
        for (const name of Object.keys(imported)) {
          // require() of some entries gives their default export, an object of its own.
          const same = 'default' in imported ? others[name] : required[name];
          if (imported[name] !== same) different.push([files[condition], name]);
          compared++;
        }
        if ('default' in imported && imported.default !== required) different.push(files);
        for (const name of Object.keys(required)) {
          if (!(name in imported)) different.push([files[condition], name]);
        }
      }
    }
    console.log(JSON.stringify({ different, compared: compared > 100 }));`;
  const result = await resultOfChild(script, { args: [JSON.stringify(files)] });
  expect(result).toEqual({ different: [], compared: true });
});
