import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import {
  type ChildResult,
  fileWith,
  isLinux,
  isWindows,
  onRetry,
  packageFolder,
  testWhere,
} from '../helpers.js';
import { expectRefusal, lastObject, mainModule, overlapped } from './command.js';

const testOfMany = testWhere(
  !isWindows,
  'a process for each costs seconds there, and shows no more',
);
const commands = ['copy', 'mirror', 'verify', 'clean', 'hash', 'info', 'bench', 'demo'];

const helps = new Map<string, Promise<ChildResult>>();
onRetry(() => helps.clear());

/** The help of a command, from a process that runs once. */
function helpOf(command: string): Promise<ChildResult> {
  const help = helps.get(command) ?? overlapped([command, '--help']);
  helps.set(command, help);
  return help;
}

testOfMany('--help names every command, and each explains itself and the exit codes', async () => {
  const { code, stdout, stderr } = await overlapped(['--help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
  for (const command of commands) {
    const help = await helpOf(command);
    expect(help.code).toBe(0);
    expect(help.stdout).toContain(`Usage: overlapped ${command}`);
    expect(help.stdout).toContain('--json');
    expect(help.stdout).not.toContain('$');
    expect(help.stdout).toMatch(/Exit code: 0 done, 1 failed, 2 wrong usage, 3 /);
  }
});

testOfMany('--help shows examples, and all help fits 80 columns', async () => {
  const { stdout } = await overlapped(['--help']);
  expect(stdout.match(/^ {2}overlapped \w+ .*$/gm)).toHaveLength(3);
  for (const command of commands) {
    const help = await helpOf(command);
    expect(help.stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  }
});

test('--version prints the version of the package', async () => {
  const file = path.join(packageFolder, 'package.json');
  const { version } = JSON.parse(fs.readFileSync(file, 'utf8'));
  expect(await overlapped(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` });
});

testWhere(isLinux, 'only Linux has a device that is always full')(
  'a command whose results cannot be printed fails',
  () => {
    const full = fs.openSync('/dev/full', 'w');
    const hash = [mainModule, 'hash', fileWith('content')];
    const run = (more: string[]): { status: number | null; stderr: string } =>
      spawnSync(process.execPath, [...hash, ...more], {
        stdio: ['ignore', full, 'pipe'],
        encoding: 'utf8',
      });
    const { status, stderr } = run([]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^overlapped: cannot print: ENOSPC/);
    expect(run(['--json'])).toMatchObject({ status: 1, stderr: '' });
    fs.closeSync(full);
  },
);

test('without arguments the command prints its help as an error', async () => {
  const { code, stdout, stderr } = await overlapped([]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^Usage: overlapped/);
});

testOfMany('a bad command line ends with code 2 and a line that names the mistake', async () => {
  await expectRefusal(['nonsense'], 2, /unknown command 'nonsense'/);
  await expectRefusal(['miror', 'a', 'b'], 2, /unknown command 'miror' \(Did you mean mirror\?\)/);
  await expectRefusal(['hash', 'a', '--hsah', 'x'], 2, /Did you mean --hash\?/);
  await expectRefusal(['copy', '--nonsense'], 2, /unknown option '--nonsense'/);
  await expectRefusal(['copy', 'only-one'], 2, /missing required argument 'destination'/);
  await expectRefusal(['copy', 'a', 'b', 'c'], 2, /too many arguments/);
  await expectRefusal(['copy', '', 'b'], 2, /argument value '' is invalid.*empty/);
  await expectRefusal(
    ['copy', 'a', 'b', '--queue-depth', '0'],
    2,
    /--queue-depth.*a number from 1 to/,
  );
  await expectRefusal(['copy', 'a', 'b', '--chunk-size', '1X'], 2, /--chunk-size.*a size such as/);
  await expectRefusal(['copy', 'a', 'b', '--strategy', 'x'], 2, /Allowed choices are auto/);
  await expectRefusal(['copy', 'a', 'b', '--metadata', 'x'], 2, /times, mode, owner/);
  await expectRefusal(['hash', '--algorithm', 'x', 'a'], 2, /Unknown hash/);
});

testOfMany('options that contradict the arguments are wrong usage', async () => {
  const [file, folder] = [path.join(packageFolder, 'LICENSE'), path.join(packageFolder, 'docs')];
  const to = path.join(packageFolder, 'never-made');
  for (const option of ['--exclude=*', '-x', '--modify-window=1', '--no-hard-links']) {
    await expectRefusal(['copy', file, to, option], 2, /^\S*overlapped.*--\S+ works for folders/);
  }
  await expectRefusal(
    ['copy', '-', to, '-n'],
    2,
    /--dry-run works for .*, and the source is stdin/,
  );
  await expectRefusal(['copy', file, '-', '-v'], 2, /--verbose works .*, and the destination is/);
  await expectRefusal(['copy', folder, to, '--hash', 'md5'], 2, /the source is a folder/);
  await expectRefusal(['verify', file, file, '--include', '*'], 2, /require folders/);
  const clone = ['--strategy', 'clone'];
  await expectRefusal(['copy', file, to, ...clone, '-u'], 2, /--unbuffered cannot be combined/);
  await expectRefusal(
    ['copy', file, to, '--resume', '--no-atomic'],
    2,
    /: --resume cannot be used, since --no-atomic is given/,
  );
  expect(fs.existsSync(to)).toBe(false);
});

test('with --json an invalid command line is reported as an object', async () => {
  expect(await lastObject(['hash'], 2)).toEqual({
    type: 'error',
    message: "missing required argument 'files' (see --help)",
    code: null,
  });
});
