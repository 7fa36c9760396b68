import { expect, test } from 'vitest';
import { distUrl, fileWith, isWindows, resultOfChild } from '../helpers.js';

// async_hooks sees the callback functions as it sees those of node:fs, except that a call is one
// resource, where Node's readFile() is one for each of its steps.

const fsUrl = distUrl('fs.js');

const calls = {
  readFile: 'readFile(argument, done)',
  'a failing readFile': "readFile(argument + '.none', done)",
  'readFile with a signal': 'readFile(argument, { signal: new AbortController().signal }, done)',
  writeFile: "writeFile(argument, 'text', done)",
  appendFile: "appendFile(argument, 'text', done)",
  stat: 'stat(argument, done)',
  lstat: 'lstat(argument, done)',
  access: 'access(argument, done)',
  readdir: 'readdir(path.dirname(argument), done)',
  rm: 'rm(argument, done)',
};
const descriptorCalls = {
  read: "read(fs.openSync(argument, 'r'), Buffer.alloc(4), 0, 4, 0, done)",
  readv: "readv(fs.openSync(argument, 'r'), [Buffer.alloc(4)], 0, done)",
  'readFile of a descriptor': "readFile(fs.openSync(argument, 'r'), done)",
};

// Reports the events of the resource in which the callback runs.
function script(call: string, from: string): string {
  return `
    import { createHook, executionAsyncId } from 'node:async_hooks';
    const { default: used } = await import('${from}');
    const events = [];
    const push = (name) => (id, ...more) => { events.push([name, id, more[0]]); };
    const hook = createHook({
      init: push('init'), before: push('before'), after: push('after'), destroy: push('destroy'),
    }).enable();
    const id = await new Promise((resolve) => {
      const done = () => resolve(executionAsyncId());
      used.${call};
    });
    await turn();
    hook.disable();
    const own = events.filter(([, of]) => of === id);
    console.log(JSON.stringify(own.map(([name, , type]) => (name === 'init' ? type : name))));`;
}

const both = { ...calls, ...(isWindows ? {} : descriptorCalls) };
for (const [name, call] of Object.entries(both)) {
  test(`the callback of ${name} runs in a resource like Node's`, async () => {
    const run = (from: string): Promise<unknown> =>
      resultOfChild(script(call, from), { args: [fileWith('content')] });
    const ours = await run(fsUrl);
    expect(ours).toEqual(['FSREQCALLBACK', 'before', 'after', 'destroy']);
    const [init] = (await run('node:fs')) as unknown[];
    // Node ends the reading of a descriptor in a tick.
    expect(init).toBe(name === 'readFile of a descriptor' ? 'TickObject' : 'FSREQCALLBACK');
  });
}
