import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { isLinux, isWindows, sha256, testWhere, until } from '../helpers.js';
import {
  data,
  expectRefusal,
  folderWith,
  lastObject,
  mainModule,
  namesBelow,
  overlapped,
} from './command.js';

// Manifests, lists of names, leftovers and hangups, as the command has them.

const onPosix = testWhere(!isWindows, 'Windows has no such signals and names');
const onLinux = testWhere(isLinux, 'Linux tells what a shell ignores');
const leftOver = `.overlapped-${'0'.repeat(32)}.tmp`;

test('copy and mirror write a manifest, and verify reads it without the source', async () => {
  const folder = folderWith({ 'from/a': 'a', 'from/b/c': 'c' });
  const [from, to, sums] = ['from', 'to', 'sums'].map((name) => path.join(folder, name)) as [
    ...[string, string, string],
  ];
  await lastObject(['copy', from, to, '--manifest', sums]);
  expect(fs.readFileSync(sums, 'utf8')).toContain(`${sha256(Buffer.from('c'))}  b/c\n`);
  const same = await lastObject(['verify', '--manifest', sums, to]);
  expect(same).toMatchObject({ command: 'verify', kind: 'manifest', equal: true, manifest: sums });
  await lastObject(['mirror', from, to, '--manifest', sums, '--hash', 'sha1']);
  fs.writeFileSync(path.join(to, 'a'), 'x');
  fs.writeFileSync(path.join(to, leftOver), '');
  const { code, stdout } = await overlapped(['verify', to, '--manifest', sums]);
  expect(code).toBe(3);
  expect(stdout).toMatch(
    new RegExp(`^content {2}a\nunfinished ${leftOver}\n1 difference: 2 files compared`),
  );
  await expectRefusal(['verify', from, to, '--manifest', sums], 2, /replaces the source/);
  await expectRefusal(['verify', from, to, '--hash', 'md5'], 2, /--hash requires --manifest/);
  await expectRefusal(['verify', from], 2, /missing required argument 'destination'/);
  fs.writeFileSync(sums, `${'0'.repeat(64)}  ../a\n`);
  await expectRefusal(['verify', to, '--manifest', sums], 1, /'\.\.\/a', which is not below/);
});

onPosix('hash escapes names as sha256sum does', async () => {
  const folder = folderWith({ 'a\nb\\c': 'x' });
  const { stdout } = await overlapped(['hash', path.join(folder, 'a\nb\\c')]);
  expect(stdout).toBe(`\\${sha256(Buffer.from('x'))}  ${folder}/a\\nb\\\\c\n`);
});

test('hash reads stdin as -, once', async () => {
  const folder = folderWith({ a: 'x' });
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [mainModule, 'hash', ...args], { input: data });
  const done = run('-', path.join(folder, 'a'), '--quiet');
  expect(done.stdout.toString()).toBe(
    `${sha256(data)}  -\n${sha256(Buffer.from('x'))}  ${path.join(folder, 'a')}\n`,
  );
  expect(done.status).toBe(0);
  const twice = run('-', '-');
  expect(twice.stderr.toString()).toMatch(/^overlapped: - can be read only once/);
  expect(twice.status).toBe(2);
});

test('messages have the options of the command, and leave paths as they are', async () => {
  const folder = folderWith({ 'options.json': 'x', to: 'old' });
  const file = path.join(folder, 'options.json');
  const same = ['copy', file, file];
  await expectRefusal(same, 1, /options\.json' and '.*options\.json' are the same file/);
  const kept = await overlapped(['copy', file, path.join(folder, 'to'), '--no-force']);
  expect(kept.stdout).toMatch(/^strategy +none: the destination exists, and --no-force is given$/m);
  const updated = await overlapped(['copy', file, path.join(folder, 'to'), '--update', 'inplace']);
  expect(updated.stdout).toMatch(/^strategy +engine: --update is 'inplace'$/m);
  const refused = ['copy', '-', path.join(folder, 'to'), '--resume'];
  await expectRefusal(refused, 2, /--resume cannot be combined with a source that is a stream/);
});

test('messages name the file that could not be read, and explain refused arguments', async () => {
  const folder = folderWith({ o: 'x', hard: 'y', 'd/a': 'a' });
  const at = (name: string): string => path.join(folder, name);
  fs.linkSync(at('hard'), at('other'));
  const named = /^overlapped: .*d: illegal operation on a directory \(EISDIR\)/;
  if (!isWindows) {
    await expectRefusal(['hash', at('d')], 1, named);
    await expectRefusal(['verify', '--manifest', at('d'), at('d')], 1, named);
  }
  const linked = ['copy', at('o'), at('hard'), '--update', 'inplace'];
  await expectRefusal(linked, 1, /would change; --write-hard-links permits that/);
  const empty = ['copy', at('d'), at('e'), '--include', ''];
  await expectRefusal(empty, 2, /--include must not contain an empty pattern/);
  expect(fs.existsSync(at('e'))).toBe(false);
});

test('clean prints the files that it removes and those that stay', async () => {
  const partial = `.overlapped-${'1'.repeat(24)}.partial`;
  const folder = folderWith({ [leftOver]: 'four', [partial]: '', keep: '' });
  const dry = await overlapped(['clean', folder, '--dry-run']);
  expect(dry.stdout).toBe(
    `would remove ${leftOver}\nkept ${partial} (kept for --resume; --partial removes it)\n` +
      'would remove 1 leftover, 4 bytes\n',
  );
  expect(namesBelow(folder)).toHaveLength(3);
  expect(await lastObject(['clean', folder, '--partial'])).toMatchObject({
    ...{ command: 'clean', dryRun: false, bytes: 4, kept: [], errors: [] },
    removed: [{ path: leftOver, bytes: 4 }, { path: partial }],
  });
  expect(namesBelow(folder)).toEqual(['keep']);
  await expectRefusal(['clean', path.join(folder, 'missing')], 1, /ENOENT/);
});

test('--files-from takes a file or -, and --exclude-from patterns', async () => {
  const folder = folderWith({ 'from/a': 'a', 'from/b': 'b', 'from/c': 'c', excluded: 'b\n' });
  const at = (name: string): string => path.join(folder, name);
  const args = [mainModule, 'copy', at('from'), at('to'), '--files-from', '-', '--quiet'];
  for (const input of ['a\nb\n', 'a\0b\0']) {
    const more = ['--exclude-from', at('excluded')];
    const { status, stderr } = spawnSync(process.execPath, [...args, ...more], { input });
    expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: '' });
    expect(namesBelow(at('to'))).toEqual(['a']);
  }
  const patterns = [mainModule, 'copy', at('from'), at('z'), '--exclude', 'c', '--quiet'];
  const input = '# patterns\nb\n';
  const other = spawnSync(process.execPath, [...patterns, '--exclude-from', '-'], { input });
  expect({ status: other.status, names: namesBelow(at('z')) }).toEqual({ status: 0, names: ['a'] });
  const both = ['copy', at('from'), at('y'), '--files-from', '-', '--exclude-from', '-'];
  await expectRefusal(both, 2, /only one list can be read from -/);
  const file = ['copy', at('from/a'), at('x'), '--files-from', at('excluded')];
  await expectRefusal(file, 2, /--files-from works for folders/);
  fs.writeFileSync(at('excluded'), '../x');
  const outside = ['copy', at('from'), at('y'), '--files-from', at('excluded')];
  await expectRefusal(outside, 2, /--files-from must be relative to the source/);
});

describe('a hangup', () => {
  /** Hangs up on a copy that is limited to a rate, and returns how it ended. */
  async function hangUp(rate: string, start: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const folder = folderWith({ from: data });
    const [from, to] = [path.join(folder, 'from'), path.join(folder, 'to')];
    const slow = ['--rate-limit', rate, '--strategy', 'engine'];
    const command = [...start, process.execPath, mainModule, 'copy', from, to, ...slow];
    const child = spawn(command[0] as string, command.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, _: '', FOLDER: folder, ...env },
    });
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    await until(() => namesBelow(folder).length > 1);
    child.kill('SIGHUP');
    return { code: await ended, names: namesBelow(folder) };
  }

  onPosix('ends a copy like Ctrl-C', async () => {
    expect(await hangUp('100K', [])).toEqual({ code: 129, names: ['from'] });
  });

  onPosix('is ignored under nohup, which bash and zsh name in `_`', async () => {
    const report = await hangUp('3M', ['nohup'], { _: '/usr/bin/nohup' });
    expect(report).toEqual({ code: 0, names: ['from', 'to'] });
  });

  onLinux('is ignored if the shell that starts the command ignores it', async () => {
    // The shell hangs up on the copy itself, since it is its child.
    const waiting = 'until [ "$(ls -A "$FOLDER" | wc -l)" -gt 1 ]; do sleep 0.1; done';
    const script = `trap "" HUP; "$@" & ${waiting}; kill -HUP $!; wait $!`;
    const report = await hangUp('3M', ['sh', '-c', script, 'sh']);
    expect(report).toEqual({ code: 0, names: ['from', 'to'] });
  });
});
