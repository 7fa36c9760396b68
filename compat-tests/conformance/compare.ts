import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import * as overlapped from '../../lib/index.js';
import { randomBytes, settled, temporaryFolder } from '../helpers.js';
import { describeError } from './observe.js';

/** A call with arbitrary arguments: these tests also use arguments that the types forbid. */
export type Call = (...args: unknown[]) => Promise<unknown>;

export interface Result {
  bytesRead: number;
  bytesWritten: number;
  buffer: Buffer;
  buffers: Buffer[];
}
type Transfer = (...args: unknown[]) => Promise<Result>;

/** The members that both FileHandles share. */
export interface Handle extends AsyncDisposable {
  fd: number;
  read: Transfer;
  write: Transfer;
  readv: Transfer;
  writev: Transfer;
  stat: (options?: unknown) => Promise<fs.Stats>;
  truncate: Call;
  sync: Call;
  datasync: Call;
  readFile: Call;
  writeFile: Call;
  appendFile: Call;
  close(): Promise<void>;
  on(event: string, listener: () => void): unknown;
}

/** The compared functions of node:fs/promises and of this package. */
export interface Api {
  open: (...args: unknown[]) => Promise<Handle>;
  readFile: Call;
  writeFile: Call;
  appendFile: Call;
  stat: (...args: unknown[]) => Promise<fs.Stats>;
}

const nodeApi = fs.promises as unknown as Api;
const ourApi = overlapped as unknown as Api;

/** The environment of an action. `file` exists, `missing` does not; both are in `folder`. */
export interface Setting {
  api: Api;
  folder: string;
  file: string;
  missing: string;
}
export type Action = (setting: Setting) => Promise<unknown>;

export const content = randomBytes(10_000);

interface Outcome {
  value?: unknown;
  error?: Record<string, unknown>;
  files: Record<string, unknown>;
}

function filesOf(folder: string): Record<string, unknown> {
  const files: Record<string, unknown> = {};
  for (const name of fs.readdirSync(folder)) {
    const status = fs.statSync(path.join(folder, name));
    const data = status.isFile() ? fs.readFileSync(path.join(folder, name)) : null;
    files[name] = { mode: status.mode, data };
  }
  return files;
}

/** Runs an action in a new folder and returns everything observable about it. */
async function run(api: Api, action: Action): Promise<Outcome> {
  const folder = temporaryFolder();
  const file = path.join(folder, 'file');
  fs.writeFileSync(file, content);
  fs.mkdirSync(path.join(folder, 'directory'));
  const setting = { api, folder, file, missing: path.join(folder, 'missing') };
  const { value, error } = await settled(action(setting));
  const files = filesOf(folder);
  return error ? { error: describeError(error, folder), files } : { value, files };
}

/**
 * Declares a test that an action has the same value or error, and leaves the same files, with this
 * package as with node:fs/promises.
 * @param expected 'ok' or the code of the error, so that two wrong outcomes do not pass
 */
export function same(name: string, expected: string, action: Action): void {
  test(name, async () => {
    const wanted = await run(nodeApi, action);
    const code = wanted.error ? (wanted.error.code ?? wanted.error.message) : 'ok';
    expect(code, 'what node:fs/promises does').toBe(expected);
    expect(await run(ourApi, action)).toStrictEqual(wanted);
  });
}

/** same() for an action on an open file, which is closed afterwards. */
export function sameOnHandle(
  name: string,
  expected: string,
  action: (handle: Handle, setting: Setting) => Promise<unknown>,
  flags: unknown = 'r+',
): void {
  same(name, expected, async (setting) => {
    const handle = await setting.api.open(setting.file, flags);
    try {
      return await action(handle, setting);
    } finally {
      await handle.close();
    }
  });
}

/** Runs an action with both and returns both values. */
export async function both<T>(action: (api: Api) => Promise<T>): Promise<[node: T, ours: T]> {
  return [await action(nodeApi), await action(ourApi)];
}
