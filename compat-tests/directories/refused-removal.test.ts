// rm() of files that the system refuses to remove.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import ourFs from '../../lib/fs.js';
import { temporaryFolder, testWhere } from '../helpers.js';

const isRoot = process.getuid?.() === 0;

type Remove = (path: string, options: fs.RmOptions) => Promise<void>;

const options = [{}, { force: true }, { recursive: true }, { recursive: true, force: true }];

async function errorsOf(remove: Remove, file: string): Promise<unknown[]> {
  const errors: unknown[] = [];
  for (const given of options) {
    const { message, code, errno, syscall } = await remove(file, given).then(
      () => ({}) as NodeJS.ErrnoException,
      (error) => error,
    );
    errors.push({ message, code, errno, syscall });
  }
  return errors;
}

testWhere(isRoot, 'only root can become another user')(
  "another user's file in a sticky folder: the errors are those of node:fs",
  async () => {
    const folder = temporaryFolder();
    const file = path.join(folder, 'file');
    fs.writeFileSync(file, 'kept');
    fs.chmodSync(folder, 0o1777);
    const uid = process.geteuid?.() as number;
    const nodes: Remove[] = [fs.promises.rm, promisify(fs.rm)];
    const ours: Remove[] = [ourFs.promises.rm, promisify(ourFs.rm)];
    const seen: unknown[][] = [];
    process.seteuid?.(65_534);
    try {
      for (const remove of [...nodes, ...ours]) seen.push(await errorsOf(remove, file));
    } finally {
      process.seteuid?.(uid);
    }
    expect(seen.slice(2)).toEqual(seen.slice(0, 2));
    expect(seen[0]).not.toContainEqual({});
    expect(fs.readFileSync(file, 'utf8')).toBe('kept');
  },
);
