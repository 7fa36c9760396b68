// Consoles (never overlapped: worker threads wait for them) and parallel ports.
import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { openConsole, openParallelPort, openSerialPort } from '../../lib/devices/index.js';
import { AbortError } from '../../lib/index.js';
import {
  fileWith,
  isLinux,
  isWindows,
  rejection,
  resultOfChild,
  settled,
  temporaryFolder,
  testWhere,
} from '../helpers.js';
import { devicesUrl } from './device-names.js';
import { hasParallelPair, parallelPair } from './serial-pair.js';

const hasSocat = !isWindows && spawnSync('socat', ['-V']).status === 0;
const testInTerminal = testWhere(hasSocat, 'a terminal of its own is made by socat', {
  mustRun: isLinux,
});
const testWithParallelPair = testWhere(
  hasParallelPair,
  'needs a parallel port whose other end is a serial port, which socat makes',
  { mustRun: isLinux },
);
const testOnWindows = testWhere(isWindows, 'tested by a terminal of its own elsewhere');

/** Runs a script in a terminal, types into it, and returns its output. */
async function inTerminal(script: string, typed: string): Promise<string> {
  const file = path.join(temporaryFolder(), 'script.mjs');
  fs.writeFileSync(file, `import { openConsole } from '${devicesUrl}';\n${script}`);
  const program = `EXEC:"${process.execPath} ${file}",pty,setsid,ctty,echo=0`;
  const socat = spawn('socat', ['-', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  let printed = '';
  for await (const chunk of socat.stdout) {
    printed += chunk;
    if (printed.endsWith('> ')) socat.stdin.write(typed);
    if (printed.includes('END')) break;
  }
  socat.kill();
  return printed.replaceAll('\r', '');
}

testInTerminal('the console is read from and written to', async () => {
  const script = `
    const output = await openConsole('output');
    const input = await openConsole('input');
    await output.write(output.deviceType + ' > ');
    const { bytesRead, buffer } = await input.read(Buffer.alloc(100));
    await output.write('got ' + buffer.toString('utf8', 0, bytesRead) + 'END');
    await Promise.all([input.close(), output.close()]);
  `;
  expect(await inTerminal(script, 'typed\n')).toBe('char > got typed\nEND');
});

testInTerminal(
  'reads of a console are cancelled once each, and the next one is served',
  async () => {
    const script = `
    const output = await openConsole('output');
    const input = await openConsole('input');
    let settled = 0;
    const reads = Array.from({ length: 100 }, () =>
      input
        .read(Buffer.alloc(1))
        .then(() => 'read', (error) => error.code)
        .finally(() => settled++),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    input.cancel();
    const codes = new Set(await Promise.all(reads));
    await output.write([...codes].join() + ' ' + settled + ' > ');
    const stream = input.createReadStream({ encoding: 'utf8' });
    for await (const line of stream) {
      await output.write('streamed ' + line + 'END');
      break;
    }
    await output.close();
  `;
    expect(await inTerminal(script, 'line\n')).toBe('ABORT_ERR 100 > streamed line\nEND');
  },
);

test('opening the console of a process without one is an error', async () => {
  const script = `
    const { openConsole } = await import(process.argv[2]);
    const codes = [];
    for (const side of ['input', 'output']) {
      codes.push(await openConsole(side).then(() => 'opened', (error) => error.code));
    }
    console.log(JSON.stringify(codes));
  `;
  // The process gets a new session, or a new console.
  const launcher = isWindows ? [] : ['setsid'];
  const codes = await resultOfChild<string[]>(script, { args: [devicesUrl], launcher });
  if (isWindows) expect(['ENXIO', 'opened']).toContain(codes[0]);
  else expect(codes).toEqual(['ENXIO', 'ENXIO']);
});

// Reads that wait on a console are tested in addon/engine_tests/devices_test.cc.
testOnWindows('the console can be opened and written to', async () => {
  const { value, error } = await settled(openConsole('output'));
  if (error !== undefined) {
    expect(error).toMatchObject({ code: 'ENXIO', syscall: 'open', path: 'CONOUT$' });
    return;
  }
  const output = value as Awaited<ReturnType<typeof openConsole>>;
  expect(output.deviceType).toBe('char');
  expect((await output.write('to the screen')).bytesWritten).toBe(13);
  await output.close();
  const input = await openConsole('input');
  expect(input.deviceType).toBe('char');
  await input.close();
});

testWithParallelPair('what is written to a parallel port arrives at its other end', async () => {
  const { one, other, end } = await parallelPair();
  const printer = await openSerialPort(other);
  const port = await openParallelPort(one);
  expect(port.deviceType).toBe('char');
  await port.write('Hello\f');
  const printed = Buffer.alloc(6);
  for (let at = 0; at < printed.length; ) {
    at += (await printer.read(printed, at, printed.length - at)).bytesRead;
  }
  expect(printed.toString()).toBe('Hello\f');
  await port.close();
  await printer.close();
  end();
});

test('a missing parallel port is an error, and so is another kind of file', async () => {
  const missing = isWindows ? 'LPT9' : '/dev/parport-that-is-not-there';
  expect(await rejection(openParallelPort(missing))).toMatchObject({
    code: 'ENOENT',
    syscall: 'open',
  });
  expect((await rejection(openParallelPort(fileWith('no port')))).code).toBe('ENXIO');
});

test('arguments are checked before anything is submitted', async () => {
  const console_ = openConsole as (...args: unknown[]) => Promise<unknown>;
  const port = openParallelPort as (...args: unknown[]) => Promise<unknown>;
  const cases: [Promise<unknown>, string][] = [
    [console_(), 'ERR_INVALID_ARG_VALUE'],
    [console_('both'), 'ERR_INVALID_ARG_VALUE'],
    [console_('input', 5), 'ERR_INVALID_ARG_TYPE'],
    [console_('input', { signal: {} }), 'ERR_INVALID_ARG_TYPE'],
    [port(1), 'ERR_INVALID_ARG_TYPE'],
    [port('LPT1', null), 'ERR_INVALID_ARG_TYPE'],
  ];
  for (const [promise, code] of cases) expect((await rejection(promise)).code).toBe(code);
  const signal = AbortSignal.abort();
  expect(await rejection(openConsole('output', { signal }))).toBeInstanceOf(AbortError);
});
