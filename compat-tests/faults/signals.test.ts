import { expect } from 'vitest';
import { isWindows, resultOfChild, temporaryFolder, testWhere } from '../helpers.js';

testWhere(!isWindows, 'Windows has no such signals')(
  'a handler of SIGXFSZ runs when a file exceeds the limit',
  async () => {
    const script = `
      const signal = once(process, 'SIGXFSZ');
      // A listener of signals does not keep the process alive, and the write may settle first.
      const alive = setInterval(() => {}, 1000);
      const failed = writeFile(argument, Buffer.alloc(300_000)).catch(({ code }) => code);
      await signal;
      clearInterval(alive);
      console.log(JSON.stringify(await failed));`;
    const code = await resultOfChild(script, {
      launcher: ['prlimit', '--fsize=102400'],
      args: [`${temporaryFolder()}/file`],
    });
    expect(code).toBe('EFBIG');
  },
);
