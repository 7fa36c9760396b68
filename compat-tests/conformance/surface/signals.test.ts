import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import * as overlapped from '../../../lib/index.js';
import { fileWith, rejection, temporaryFolder } from '../../helpers.js';
import { untyped } from './surface.js';

const calls: Record<string, (file: string, signal: unknown) => Promise<unknown>> = {
  open: (file, signal) => untyped(overlapped.open)(file, 'r', { signal }),
  readFile: (file, signal) => untyped(overlapped.readFile)(file, { signal }),
  writeFile: (file, signal) => untyped(overlapped.writeFile)(file, 'new', { signal }),
  appendFile: (file, signal) => untyped(overlapped.appendFile)(file, 'new', { signal }),
  stat: (file, signal) => untyped(overlapped.stat)(file, { signal }),
  lstat: (file, signal) => untyped(overlapped.lstat)(file, { signal }),
  copyFile: (file, signal) => untyped(overlapped.copyFile)(file, `${file}-copy`, { signal }),
  readdir: (file, signal) => untyped(overlapped.readdir)(path.dirname(file), { signal }),
  rm: (file, signal) => untyped(overlapped.rm)(file, { signal }),
};

for (const [name, call] of Object.entries(calls)) {
  test(`${name} with a signal that is aborted does nothing`, async () => {
    const file = fileWith('content');
    const cause = new Error('reason');
    const error = await rejection(call(file, AbortSignal.abort(cause)));
    expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause });
    expect(error.message).toBe('The operation was aborted');
    expect(fs.readdirSync(path.dirname(file))).toEqual(['file']);
    expect(fs.readFileSync(file, 'utf8')).toBe('content');
  });

  test(`${name} rejects an invalid signal`, async () => {
    for (const value of [null, 5, {}, 'x']) {
      const error = await rejection(call(fileWith('content'), value));
      expect(error.code).toBe('ERR_INVALID_ARG_TYPE');
      expect(error.message).toMatch(/"options.signal" property must be an instance of AbortSignal/);
    }
  });

  test(`${name} with a signal that is not aborted succeeds, and removes its listener`, async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, args);
    };
    const result = await call(path.join(fileWith('content')), signal);
    await (result as { close?: () => Promise<void> } | undefined)?.close?.();
    expect(listeners).toBe(0);
  });
}

test('the path is validated before the signal, as in Node', async () => {
  const signal = AbortSignal.abort();
  const missing = path.join(temporaryFolder(), 'missing');
  expect((await rejection(overlapped.readdir(missing, { signal }))).code).toBe('ABORT_ERR');
  const nothing = untyped(overlapped.stat)(5, { signal });
  expect((await rejection(nothing)).code).toBe('ERR_INVALID_ARG_TYPE');
});
