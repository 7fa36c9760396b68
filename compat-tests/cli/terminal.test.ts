import { execFile } from 'node:child_process';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { barLine } from '../../lib/cli/progress.js';
import { isLinux, sha256, testWhere } from '../helpers.js';
import { data, folderWith, mainModule, overlapped } from './command.js';

// Most run in processes of their own, and four take two seconds.
const inParallel = test.concurrent;
const csi = '\u001b[';

function paths(): { source: string; to: string } {
  const folder = folderWith({ source: data });
  return { source: path.join(folder, 'source'), to: path.join(folder, 'to') };
}

/** Slow enough that progress is shown more than once. */
const slow = ['--strategy', 'engine', '--rate-limit', '1500K'];

inParallel(
  'without a terminal, progress is printed as lines on stderr, with rate and time',
  async () => {
    const { source, to } = paths();
    const { code, stdout, stderr } = await overlapped(['copy', source, to, ...slow]);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^copy: \d+ %, [\d.]+ [KM]iB of 2\.86 MiB, [\d.]+ [KM]iB\/s, \d:\d\d left$/m,
    );
    expect(stdout + stderr).not.toContain(csi);
  },
);

inParallel('--quiet shows no progress', async () => {
  const { source, to } = paths();
  const args = ['copy', source, to, ...slow, '--quiet'];
  expect(await overlapped(args)).toMatchObject({ code: 0, stderr: '' });
});

const onTerminal = testWhere(isLinux, 'script(1) of util-linux makes a terminal', {
  concurrent: true,
});

/** Runs the command in a terminal and returns everything that is written there. */
async function inTerminal(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  columns = 80,
): Promise<string> {
  const words = [process.execPath, mainModule, ...args].map((word) => `'${word}'`);
  const command = `stty cols ${columns}; ${words.join(' ')}`;
  // In CI, Node treats a terminal as one without colors.
  const { NO_COLOR: _, FORCE_COLOR: __, CI: ___, ...rest } = process.env;
  const { stdout } = await promisify(execFile)('script', ['-qec', command, '/dev/null'], {
    env: { ...rest, TERM: 'xterm-256color', ...env },
  });
  return stdout;
}

onTerminal('a terminal has a bar with a rate and the time left, and colours', async () => {
  const { source, to } = paths();
  const shown = await inTerminal(['copy', source, to, ...slow], {});
  expect(shown).toMatch(
    /copy +[█░]{15} +\d+ % +[\d.]+ \w+ of 2\.86 MiB +[\d.]+ [KM]iB\/s +0:\d\d left/,
  );
  expect(shown).toContain(`${csi}1m`);
  // The cursor, which the progress bar hides, is visible again.
  expect(shown.lastIndexOf(`${csi}?25h`)).toBeGreaterThan(shown.lastIndexOf(`${csi}?25l`));
});

onTerminal('NO_COLOR leaves out the colours, not the bar', async () => {
  const { source, to } = paths();
  const shown = await inTerminal(['copy', source, to, ...slow], { NO_COLOR: '1' });
  expect(shown).toMatch(/[█░]{15}/);
  expect(shown).not.toContain(`${csi}1m`);
});

onTerminal('a dumb terminal gets lines of progress, and no control sequences', async () => {
  const { source, to } = paths();
  const shown = await inTerminal(['copy', source, to, ...slow], { TERM: 'dumb' });
  expect(shown).toMatch(/^copy: \d+ %, /m);
  expect(shown).not.toContain(csi);
});

onTerminal('hash prints its results without bars between them', async () => {
  const folder = folderWith({ a: data, b: data });
  const [a, b] = [path.join(folder, 'a'), path.join(folder, 'b')];
  const shown = await inTerminal(['hash', a, b], {});
  // Each bar is cleared before a result takes its line.
  const line = (file: string): string => `${csi}2K${sha256(data)}  ${file}\r\n`;
  expect(shown).toContain(line(a));
  expect(shown).toContain(line(b));
});

onTerminal('help fits narrow terminals', async () => {
  for (const args of [['--help'], ['mirror', '--help']]) {
    const shown = await inTerminal(args, {}, 60);
    expect(shown).toMatch(/^Exit code: 0 done/m);
    expect(shown.split(/\r?\n/).filter((line) => line.length > 60)).toEqual([]);
  }
});

const ofTree = { phase: 'compare', bytes: 1.5e12, total: 2e12, bytesPerSecond: 123e6 };
const longest = { ...ofTree, secondsLeft: 36_000, files: 123_456, totalFiles: 2_345_678 };

test('a bar fits the terminal and keeps its percentage, rate and time', () => {
  for (let columns = 44; columns <= 200; columns++) {
    const line = barLine(longest, columns);
    expect(line.length).toBeLessThan(columns);
    expect(line).toMatch(/^compare .* 75 % .* 117\.3 MiB\/s {2}10:00:00 left$/);
  }
  expect(barLine(longest, 20).length).toBeLessThan(20);
  expect(barLine(longest, 60)).not.toMatch(/[█░]|file/);
  expect(barLine(longest, 80)).toMatch(/█{6}░{2} {2}75 % {2}1\.36 of 1\.82 TiB|[█░]{8}/);
  expect(barLine(longest, 120)).toMatch(/[█░]{8,} +75 % {2}123,456 of 2,345,678 files, /);
});

test('the parts of a bar stay in their columns', () => {
  const report = { phase: 'copy', total: 40e6, bytesPerSecond: 8e6, secondsLeft: 5 };
  const ends = [0, 1e3, 1.5e6, 34 * 2 ** 20, 40e6].map((bytes) => {
    const line = barLine({ ...report, bytes }, 80);
    return [line.indexOf('%'), line.indexOf(' of '), line.indexOf('/s'), line.length];
  });
  expect(new Set(ends.map(String)).size).toBe(1);
});
