import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { getAttributes, listStreams, setAttributes } from '../../lib/index.js';
import {
  copyOfFile,
  fileWith,
  isLinux,
  isWindows,
  rejection,
  temporaryFolder,
  testWhere,
  unmount,
} from '../helpers.js';

function withMetadata(): { source: string; destination: string } {
  const source = fileWith('content', 'source');
  return { source, destination: path.join(path.dirname(source), 'destination') };
}

const isRoot = process.getuid?.() === 0;
const testPosix = testWhere(!isWindows, 'Windows has attributes instead');
const testWindows = testWhere(isWindows, 'named streams and attributes are of Windows');
const hasXattrTool =
  isLinux && ['/usr/bin', '/bin'].some((folder) => fs.existsSync(`${folder}/setfattr`));

test('times are copied exactly', async () => {
  const { source, destination } = withMetadata();
  fs.utimesSync(source, 1_000_000_000.25, 1_234_567_890.125);
  for (const metadata of [true, { times: true }]) {
    for (const strategy of ['auto', 'engine'] as const) {
      const report = await copyOfFile(source, destination, { metadata, strategy });
      const [from, to] = [source, destination].map((file) => fs.statSync(file, { bigint: true }));
      expect(to?.mtimeNs).toBe(from?.mtimeNs);
      expect(to?.mtimeNs).toBe(1_234_567_890_125_000_000n);
      // Wine records another access to the source when it is closed.
      if (!isWindows) expect(to?.atimeNs).toBe(from?.atimeNs);
      expect(report.metadataRefused).toEqual([]);
    }
  }
  await copyOfFile(source, destination);
  expect(fs.statSync(destination).mtimeMs).toBeGreaterThan(1_700_000_000_000);
});

testWhere(isLinux, 'O_NOATIME is of Linux')(
  'the last access is the one before the copy, and stays that of the source',
  async () => {
    const { source, destination } = withMetadata();
    for (const strategy of ['auto', 'engine'] as const) {
      fs.utimesSync(source, 1_000_000_000, 1_100_000_000);
      await copyOfFile(source, destination, { metadata: true, strategy, hash: 'md5' });
      const seconds = [source, destination].map((file) => fs.statSync(file).atimeMs / 1000);
      expect(seconds).toEqual([1_000_000_000, 1_000_000_000]);
    }
  },
);

testPosix('nanoseconds of the times come along', async () => {
  const { source, destination } = withMetadata();
  execFileSync('touch', ['-d', '2020-01-02T03:04:05.123456789Z', source]);
  await copyOfFile(source, destination, { metadata: { times: true } });
  expect(fs.statSync(destination, { bigint: true }).mtimeNs % 1_000_000_000n).toBe(123_456_789n);
});

testPosix('permission bits come along, whatever the umask', async () => {
  const { source, destination } = withMetadata();
  fs.chmodSync(source, 0o4757);
  const before = process.umask(0o077);
  try {
    await copyOfFile(source, destination);
    expect(fs.statSync(destination).mode & 0o7777).toBe(0o700);
    await copyOfFile(source, destination, { metadata: { mode: true } });
    expect(fs.statSync(destination).mode & 0o7777).toBe(0o4757);
    await copyOfFile(source, destination, { metadata: true });
    expect(fs.statSync(destination).mode & 0o7777).toBe(0o4757);
  } finally {
    process.umask(before);
  }
});

testWhere(isRoot, 'only root gives files away', { mustRun: isLinux })(
  'the owner comes along, and with it the bits that its change takes away',
  async () => {
    const { source, destination } = withMetadata();
    fs.chownSync(source, 1234, 4321);
    fs.chmodSync(source, 0o4755);
    await copyOfFile(source, destination, { metadata: true });
    const { uid, gid, mode } = fs.statSync(destination);
    expect({ uid, gid, mode: mode & 0o7777 }).toEqual({ uid: 1234, gid: 4321, mode: 0o4755 });
  },
);

testWhere(hasXattrTool, 'setfattr is not installed', { mustRun: isLinux })(
  'extended attributes come along, also long ones and those without a value',
  async () => {
    const { source, destination } = withMetadata();
    const long = 'v'.repeat(3000);
    execFileSync('setfattr', ['-n', 'user.long', '-v', long, source]);
    execFileSync('setfattr', ['-n', 'user.empty', source]);
    const report = await copyOfFile(source, destination, { metadata: { xattrs: true } });
    expect(report.metadataRefused).toEqual([]);
    const shown = execFileSync('getfattr', ['-d', '--absolute-names', destination]).toString();
    expect(shown).toContain(`user.long="${long}"`);
    expect(shown).toContain('user.empty');
  },
);

// The user 1234 may write to new files (acl(5), in the form of linux/posix_acl_xattr.h).
const openToOthers =
  '0x0200000001000700ffffffff02000700d204000004000700ffffffff10000700ffffffff20000000ffffffff';

testWhere(hasXattrTool, 'setfattr is not installed', { mustRun: isLinux })(
  'an access list that new files get from their folder goes, if the source has none',
  async () => {
    const { source, destination } = withMetadata();
    fs.chmodSync(source, 0o664);
    const list = ['-n', 'system.posix_acl_default', '-v', openToOthers];
    execFileSync('setfattr', [...list, path.dirname(destination)]);
    for (const metadata of [true, { mode: true, xattrs: true }]) {
      await copyOfFile(source, destination, { metadata });
      const names = execFileSync('getfattr', ['-m', '-', '--absolute-names', destination]);
      expect(names.toString()).not.toContain('posix_acl_access');
      expect(fs.statSync(destination).mode & 0o777).toBe(0o664);
    }
  },
);

testWhere(hasXattrTool && isRoot, 'needs setfattr, and root to mount', { mustRun: isLinux })(
  'what a file system refuses is reported, or an error where it was named',
  async () => {
    const { source } = withMetadata();
    execFileSync('setfattr', ['-n', 'user.name', '-v', 'value', source]);
    const folder = temporaryFolder();
    // ramfs does not support user attributes.
    execFileSync('mount', ['-t', 'ramfs', 'none', folder]);
    try {
      const destination = path.join(folder, 'destination');
      const error = await rejection(
        copyOfFile(source, destination, { metadata: { xattrs: true } }),
      );
      expect(error).toMatchObject({ syscall: 'fsetxattr', path: source, dest: destination });
      expect(error.code).toMatch(/^(EOPNOTSUPP|ENOTSUP)$/);
      expect(fs.readdirSync(folder)).toEqual([]);
      const report = await copyOfFile(source, destination, { metadata: true });
      expect(report.metadataRefused).toEqual(['xattrs']);
    } finally {
      await unmount(folder);
    }
  },
);

testWindows('attributes and named streams come along', async () => {
  const { source, destination } = withMetadata();
  fs.writeFileSync(`${source}:other`, 'in a stream');
  await setAttributes(source, { hidden: true, readOnly: true });
  const report = await copyOfFile(source, destination, { metadata: true });
  expect(await getAttributes(destination)).toMatchObject({ hidden: true, readOnly: true });
  expect(report.metadataRefused).toEqual([]);
  // Wine does not list streams.
  const namesOf = async (file: string): Promise<string[]> =>
    (await listStreams(file).catch(() => [])).map(({ name }) => name);
  expect(await namesOf(destination)).toEqual(await namesOf(source));
  for (const file of [source, destination]) await setAttributes(file, { normal: true });
});
