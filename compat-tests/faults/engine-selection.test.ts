import { expect, test } from 'vitest';
import {
  type ChildOptions,
  distUrl,
  fileWith,
  isLinux,
  isWindows,
  resultOfChild,
  runChild,
  testWhere,
} from '../helpers.js';
import { buildDenyCall, hasCompiler } from './deny-call.js';

const testDenied = testWhere(hasCompiler, 'calls are denied by a seccomp filter, built by cc', {
  mustRun: isLinux,
});

const denyCall = buildDenyCall();

function denied(engine: string | undefined): ChildOptions {
  return {
    launcher: [denyCall(), 'io_uring_setup'],
    env: { OVERLAPPED_ENGINE: engine },
    args: [fileWith('content')],
  };
}

const describeEngine = `
  const text = await readFile(argument, 'utf8');
  const { kind, reason } = engine;
  console.log(JSON.stringify({ text, kind, reason }));`;

/** Prints the error of a program whose requested engine is not available. */
const describeFailure = `
  let failure;
  try {
    await readFile(argument, 'utf8');
  } catch ({ name, code, message }) {
    failure = { name, code, message };
  }
  let again;
  try {
    engine.kind;
  } catch ({ code }) {
    again = code;
  }
  console.log(JSON.stringify({ ...failure, again }));`;

interface Description {
  text: string;
  kind: string;
  reason: string | null;
}
interface Failure {
  code: string;
  message: string;
  again: string;
}

testDenied('if io_uring is denied, the thread pool is used, and the reason says why', async () => {
  const { text, kind, reason } = await resultOfChild<Description>(
    describeEngine,
    denied(undefined),
  );
  expect({ text, kind }).toEqual({ text: 'content', kind: 'threadpool' });
  expect(reason).toMatch(/io_uring/);
  expect(reason).toMatch(/EPERM|not permitted/i);
});

testDenied('OVERLAPPED_ENGINE=uring fails loudly where io_uring is denied', async () => {
  const failure = await resultOfChild<Failure>(describeFailure, denied('uring'));
  expect(failure.code).toBe('ERR_ENGINE_UNAVAILABLE');
  expect(failure.message).toMatch(/uring/);
  expect(failure.message).toMatch(/EPERM|not permitted/i);
  expect(failure.again).toBe('ERR_ENGINE_UNAVAILABLE');
});

testDenied('OVERLAPPED_ENGINE=threadpool serves where io_uring is denied', async () => {
  const { kind } = await resultOfChild<Description>(describeEngine, denied('threadpool'));
  expect(kind).toBe('threadpool');
});

testDenied('threads fall back as well, each with its reason', async () => {
  const script = `
    if (isMainThread) {
      const worker = new Worker(new URL(import.meta.url), { argv: [argument] });
      const [[description]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
      console.log(JSON.stringify(description));
    } else {
      parentPort.postMessage({ kind: engine.kind, reason: engine.reason });
    }`;
  const { kind, reason } = await resultOfChild<Description>(script, denied(undefined));
  expect(kind).toBe('threadpool');
  expect(reason).toMatch(/io_uring/);
});

const foreign = isWindows ? 'uring' : 'iocp';

for (const wanted of ['nonsense', foreign, 'URING', ' ']) {
  test(`OVERLAPPED_ENGINE='${wanted}' is an error that names the engine`, async () => {
    const options = { args: [fileWith('content')], env: { OVERLAPPED_ENGINE: wanted } };
    const failure = await resultOfChild<Failure>(describeFailure, options);
    expect(failure.code).toBe('ERR_ENGINE_UNAVAILABLE');
    expect(failure.message).toContain(`'${wanted}'`);
    expect(failure.again).toBe('ERR_ENGINE_UNAVAILABLE');
  });

  test(`OVERLAPPED_ENGINE='${wanted}', not caught, ends the process with 1`, async () => {
    const options = { args: [fileWith('content')], env: { OVERLAPPED_ENGINE: wanted } };
    const { code, stderr } = await runChild('await readFile(argument);', options);
    expect(code).toBe(1);
    expect(stderr).toContain('ERR_ENGINE_UNAVAILABLE');
  });
}

for (const wanted of ['', undefined]) {
  test(`OVERLAPPED_ENGINE ${wanted === '' ? 'empty' : 'unset'} gives the best engine`, async () => {
    const options = { args: [fileWith('content')], env: { OVERLAPPED_ENGINE: wanted } };
    const { kind, reason } = await resultOfChild<Description>(describeEngine, options);
    const best = isWindows ? 'iocp' : isLinux ? 'uring' : 'threadpool';
    // If the best engine is not available, the reason must say so.
    if (kind === best && best !== 'threadpool') expect(reason).toBeNull();
    else expect(reason).toMatch(/\w/);
    expect(['iocp', 'uring', 'threadpool']).toContain(kind);
    if (process.env.CI) expect(kind).toBe(best);
  });
}

testDenied('where statx is denied, the status of files comes from older calls', async () => {
  const script = `
    import { promisify } from 'node:util';
    import { default as ours } from '${distUrl('fs.js')}';
    const fields = ({ size, mode, ino, mtimeMs }) => [size, mode, ino, mtimeMs];
    const handle = await open(argument, 'r+');
    const statuses = [await stat(argument), await ours.promises.lstat(argument),
      await promisify(ours.stat)(argument), await handle.stat()];
    const { buffer } = await promisify(ours.read)(handle.fd, Buffer.alloc(4), 0, 4, 0);
    await handle.close();
    const expected = JSON.stringify(fields(fs.statSync(argument)));
    fs.mkdirSync(argument + '.d/a', { recursive: true });
    const listed = await ours.promises.readdir(argument + '.d', { recursive: true });
    await ours.promises.rm(argument + '.d', { recursive: true });
    console.log(JSON.stringify([
      statuses.every((status) => JSON.stringify(fields(status)) === expected),
      String(buffer), listed, fs.existsSync(argument + '.d'),
    ]));`;
  const options = { launcher: [denyCall(), 'statx'], args: [fileWith('content')] };
  expect(await resultOfChild(script, options)).toEqual([true, 'cont', ['a'], false]);
});
