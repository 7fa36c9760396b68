import { expect, test } from 'vitest';
import {
  fileWith,
  isWindows,
  makeFifo,
  randomBytes,
  runChild,
  testWhere,
  testWithFifo,
} from '../helpers.js';

const exitCode = 7;

/** When the process exits after operations have been started. */
const stages: Record<string, string> = {
  'before they are handed over': '',
  'once they are in flight': 'await null;',
  'a turn later': 'await turn();',
  'some time later': 'await sleep(50);',
};

const startOnFile = `
  const handle = await open(argument, 'r+');
  for (let i = 0; i < 512; i++) {
    handle.read(Buffer.alloc(65536), 0, 65536, i * 65536 % 1048576).catch(() => {});
    handle.write(Buffer.alloc(4096), 0, 4096, 1048576 + i * 4096).catch(() => {});
  }
  handle.sync().catch(() => {});
`;
const startOnFifo = `
  const handles = await Promise.all(Array.from({ length: 100 }, () => open(argument, 'r+')));
  for (const handle of handles) handle.read(Buffer.alloc(16)).catch(() => {});
`;

for (const [stage, wait] of Object.entries(stages)) {
  test(`process.exit() with reads and writes on a file ends with its code, ${stage}`, async () => {
    const file = fileWith(randomBytes(1024 * 1024));
    const script = `${startOnFile} ${wait} process.exit(${exitCode});`;
    expect(await runChild(script, { args: [file] })).toEqual({
      code: exitCode,
      signal: null,
      stdout: '',
      stderr: '',
    });
  });

  testWithFifo(
    `process.exit() with reads that never complete ends with its code, ${stage}`,
    async () => {
      const script = `${startOnFifo} ${wait} process.exit(${exitCode});`;
      expect(await runChild(script, { args: [makeFifo()] })).toEqual({
        code: exitCode,
        signal: null,
        stdout: '',
        stderr: '',
      });
    },
  );
}

test('process.exit() during opens, closes and whole-file reads', async () => {
  const script = `
    const handles = await Promise.all(Array.from({ length: 50 }, () => open(argument)));
    for (const handle of handles) handle.close().catch(() => {});
    for (let i = 0; i < 200; i++) {
      open(argument).catch(() => {});
      readFile(argument).catch(() => {});
    }
    await null;
    process.exit(${exitCode});`;
  const file = fileWith(randomBytes(1024 * 1024));
  const { code, stderr } = await runChild(script, { args: [file] });
  expect({ code, stderr }).toEqual({ code: exitCode, stderr: '' });
});

test('an uncaught exception ends the process although reads are in flight', async () => {
  const script = `${startOnFile} throw new Error('the program is wrong');`;
  const file = fileWith(randomBytes(1024 * 1024));
  const { code, stderr } = await runChild(script, { args: [file] });
  expect(code).toBe(1);
  expect(stderr).toContain('the program is wrong');
});

testWhere(!isWindows, 'Windows has no SIGTERM to end a process gently')(
  'a process with reads in flight ends by a signal as usual',
  async () => {
    const script = `${startOnFifo} await turn(); process.kill(process.pid, 'SIGTERM');
      await sleep(30_000);`;
    const { signal } = await runChild(script, { args: [makeFifo()] });
    expect(signal).toBe('SIGTERM');
  },
);
