import { execFile } from 'node:child_process';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { isLinux, testWhere } from '../helpers.js';
import { data, folderWith, mainModule, overlapped } from './command.js';

const test = testWhere(true, '');
const csi = '\u001b[';

function paths(): { source: string; to: string } {
  const folder = folderWith({ source: data });
  return { source: path.join(folder, 'source'), to: path.join(folder, 'to') };
}

/** Slow enough that progress is shown more than once. */
const slow = ['--strategy', 'engine', '--rate-limit', '1500K'];

test('without a terminal, progress is printed as lines on stderr, with rate and time', async () => {
  const { source, to } = paths();
  const { code, stdout, stderr } = await overlapped(['copy', source, to, ...slow]);
  expect(code).toBe(0);
  expect(stderr).toMatch(
    /^copy: \d+ %, [\d.]+ [KM]iB of 2\.86 MiB, [\d.]+ [kM]B\/s, \d:\d\d left$/m,
  );
  expect(stdout + stderr).not.toContain(csi);
});

test('--quiet shows no progress', async () => {
  const { source, to } = paths();
  const args = ['copy', source, to, ...slow, '--quiet'];
  expect(await overlapped(args)).toMatchObject({ code: 0, stderr: '' });
});

const onTerminal = testWhere(isLinux, 'script(1) of util-linux makes a terminal');

/** Runs the command in a terminal and returns everything that is written there. */
async function inTerminal(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const words = [process.execPath, mainModule, ...args].map((word) => `'${word}'`);
  // In CI, Node treats a terminal as one without colors.
  const { NO_COLOR: _, FORCE_COLOR: __, CI: ___, ...rest } = process.env;
  const { stdout } = await promisify(execFile)('script', ['-qec', words.join(' '), '/dev/null'], {
    env: { ...rest, TERM: 'xterm-256color', ...env },
  });
  return stdout;
}

onTerminal('a terminal has a bar with a rate and the time left, and colours', async () => {
  const { source, to } = paths();
  const shown = await inTerminal(['copy', source, to, ...slow], {});
  expect(shown).toMatch(/copy +[█░]{25} \d+ % \| [\d.]+ \w+ of 2\.86 MiB \| /);
  expect(shown).toMatch(/ \| [\d.]+ [kM]B\/s \| /);
  expect(shown).toMatch(/0:\d\d left/);
  expect(shown).toContain(`${csi}1m`);
  // The cursor, which the progress bar hides, is visible again.
  expect(shown.lastIndexOf(`${csi}?25h`)).toBeGreaterThan(shown.lastIndexOf(`${csi}?25l`));
});

onTerminal('NO_COLOR leaves out the colours, not the bar', async () => {
  const { source, to } = paths();
  const shown = await inTerminal(['copy', source, to, ...slow], { NO_COLOR: '1' });
  expect(shown).toMatch(/[█░]{25}/);
  expect(shown).not.toContain(`${csi}1m`);
});
