import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import * as overlapped from '../../lib/index.js';
import { isWindows, temporaryFolder, testWhere } from '../helpers.js';

// node:fs aborts the process for a mode that is not a signed 32-bit integer, so there is nothing to
// compare with. Here such modes are permissions like any others.

const onPosix = testWhere(!isWindows, 'Windows has no such modes');

const modes: readonly (readonly [mode: number | string, permissions: number])[] = [
  [-0, 0],
  [2 ** 31 + 0o640, 0o640],
  [0xffffffff, 0o7777],
  ['37777777640', 0o7640],
];

for (const [mode, permissions] of modes) {
  const shown = Object.is(mode, -0) ? '-0' : String(mode);

  onPosix(`chmod, handle.chmod and mkdir with the mode ${shown}`, async () => {
    const folder = temporaryFolder();
    const permissionsOf = (name: string): number =>
      fs.statSync(path.join(folder, name)).mode & 0o7777;
    for (const name of ['by-path', 'by-handle']) fs.writeFileSync(path.join(folder, name), '');
    await overlapped.chmod(path.join(folder, 'by-path'), mode);
    await using handle = await overlapped.open(path.join(folder, 'by-handle'));
    await handle.chmod(mode);
    await overlapped.mkdir(path.join(folder, 'made'), { mode });
    await overlapped.mkdir(path.join(folder, 'made-as-well'), mode);
    expect(permissionsOf('by-path')).toBe(permissions);
    expect(permissionsOf('by-handle')).toBe(permissions);
    // mkdir(2) ignores the set-user and set-group bits, and applies the umask.
    const made = permissions & 0o1777 & ~process.umask();
    expect(permissionsOf('made')).toBe(made);
    expect(permissionsOf('made-as-well')).toBe(made);
  });
}

test('the umask applies to every new file, as in node:fs', async () => {
  const folder = temporaryFolder();
  const at = (name: string): string => path.join(folder, name);
  const before = process.umask(0o222);
  try {
    await (await overlapped.open(at('opened'), 'w')).close();
    await overlapped.writeFile(at('written'), 'x');
    await overlapped.writeFile(at('large'), Buffer.alloc(1024 * 1024));
    const directory = await overlapped.openDirectory(folder);
    await (await directory.open('in-directory', 'w')).close();
    await directory.close();
    fs.writeFileSync(at('by-node'), 'x');
  } finally {
    process.umask(before);
  }
  const expected = fs.statSync(at('by-node')).mode;
  for (const name of ['opened', 'written', 'large', 'in-directory']) {
    expect(fs.statSync(at(name)).mode.toString(8), name).toBe(expected.toString(8));
    fs.chmodSync(at(name), 0o666);
  }
});
