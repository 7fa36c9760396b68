import { expect, test } from 'vitest';
import { distUrl, fileWith, resultOfChild } from '../helpers.js';

const registerUrl = distUrl('register.js');

// A CommonJS program, because a pending module would delay 'beforeExit'.
const uses = {
  'promises.readFile': 'fs.promises.readFile(file)',
  'promises.stat': 'fs.promises.stat(file)',
  'readFile with a callback': 'fs.readFile(file, () => {})',
  'handle.read': 'handle.read(Buffer.alloc(1), 0, 1, 0)',
};

for (const [name, use] of Object.entries(uses)) {
  test(`'beforeExit' is emitted again after ${name} in a listener`, async () => {
    const script = `
      const fs = require('node:fs');
      const file = process.argv[2];
      let handle;
      let times = 0;
      const emitted = [];
      fs.promises.open(file).then((opened) => { handle = opened; });
      process.on('beforeExit', () => {
        emitted.push(++times);
        if (times < 4) void (${use});
        else if (times === 4) handle.close();
      });
      process.on('exit', () => console.log(JSON.stringify(emitted)));`;
    const options = { name: 'child.cjs', args: [fileWith('content')] };
    const nodes = await resultOfChild(script, options);
    const flags = [`--import=${registerUrl}`];
    expect(nodes).toEqual([1, 2, 3, 4, 5]);
    expect(await resultOfChild(script, { ...options, flags })).toEqual(nodes);
  });
}

test("'beforeExit' is emitted again after the very first use in a listener", async () => {
  const script = `
    const fs = require('node:fs');
    let times = 0;
    process.on('beforeExit', () => {
      if (++times === 1) fs.promises.stat(process.argv[2]);
    });
    process.on('exit', () => console.log(times));`;
  const options = { name: 'child.cjs', args: [fileWith('content')] };
  const flags = ['--disable-warning=ExperimentalWarning', '--require'];
  const required = [...flags, new URL(registerUrl).pathname.replace(/^\/([A-Z]:)/, '$1')];
  expect(await resultOfChild(script, { ...options, flags: required })).toBe(2);
});

test('the async resource of the package reports that it keeps no process alive', async () => {
  // Checked in the same way as by Jest's --detectOpenHandles.
  const script = `
    import { createHook } from 'node:async_hooks';
    const resources = [];
    createHook({
      init: (id, type, trigger, resource) => {
        if (type === 'overlapped') resources.push(resource);
      },
    }).enable();
    await readFile(argument);
    console.log(JSON.stringify(resources.map((resource) => resource.hasRef())));`;
  expect(await resultOfChild(script, { args: [fileWith('content')] })).toEqual([false]);
});
