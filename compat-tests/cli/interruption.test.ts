import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect } from 'vitest';
import { isWindows, testWhere } from '../helpers.js';
import { data, folderWith, namesBelow, overlapped, parseLines } from './command.js';

const test = testWhere(!isWindows, 'Windows has no signals to send to one process');

/** A script that signals its own process once a file is being written under a temporary name. */
function signalWhenWriting(folder: string, names: readonly string[], signal: string): string {
  return `
    const timer = setInterval(() => {
      const all = fs.readdirSync(${JSON.stringify(folder)}, { recursive: true });
      if (!all.some((name) => !${JSON.stringify(names)}.includes(name))) return;
      clearInterval(timer);
      process.kill(process.pid, ${JSON.stringify(signal)});
    }, 20);`;
}

// Slow enough that the signal arrives in the middle of the copy.
const slow = ['--strategy', 'engine', '--rate-limit', '500K'];

test('Ctrl-C during a copy: code 130, no leftovers, an unchanged destination', async () => {
  const folder = folderWith({ source: data, to: 'old' });
  const [source, to] = [path.join(folder, 'source'), path.join(folder, 'to')];
  const before = signalWhenWriting(folder, ['source', 'to'], 'SIGINT');
  const { code, stdout, stderr } = await overlapped(['copy', source, to, ...slow], { before });
  expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
  expect(stderr).toMatch(/^overlapped: interrupted by SIGINT$/m);
  expect(namesBelow(folder)).toEqual(['source', 'to']);
  expect(fs.readFileSync(to, 'utf8')).toBe('old');
});

test('SIGTERM in the middle of a mirror: code 143, and only complete files', async () => {
  const source = folderWith({ a: 'a', b: data });
  const to = folderWith({});
  const before = signalWhenWriting(to, ['a', 'b'], 'SIGTERM');
  const args = ['mirror', source, to, ...slow, '--json'];
  const { code, stdout, stderr } = await overlapped(args, { before });
  expect({ code, stderr }).toEqual({ code: 143, stderr: '' });
  const last = parseLines(stdout).at(-1);
  expect(last).toMatchObject({ type: 'error', message: expect.stringContaining('SIGTERM') });
  for (const name of namesBelow(to)) {
    expect(['a', 'b']).toContain(name);
    const content = fs.readFileSync(path.join(source, name));
    expect(fs.readFileSync(path.join(to, name)).equals(content)).toBe(true);
  }
});

test('SIGUSR1 neither opens the debugger nor stops the copy', async () => {
  const folder = folderWith({ source: data });
  const [source, to] = [path.join(folder, 'source'), path.join(folder, 'to')];
  const before = signalWhenWriting(folder, ['source'], 'SIGUSR1');
  const args = ['copy', source, to, '--strategy', 'engine', '--rate-limit', '2M', '--quiet'];
  const { code, stderr } = await overlapped(args, { before });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(fs.readFileSync(to).equals(data)).toBe(true);
});

test('--resume continues after Ctrl-C and leaves nothing behind', async () => {
  const folder = folderWith({ source: data });
  const [source, to] = [path.join(folder, 'source'), path.join(folder, 'to')];
  const args = ['copy', source, to, '--strategy', 'engine', '--resume'];
  const before = signalWhenWriting(folder, ['source'], 'SIGINT');
  const { code } = await overlapped([...args, '--rate-limit', '500K'], { before });
  expect(code).toBe(130);
  expect(fs.existsSync(to)).toBe(false);
  expect(namesBelow(folder).length).toBeGreaterThan(1);
  expect(await overlapped(args)).toMatchObject({ code: 0 });
  expect(namesBelow(folder)).toEqual(['source', 'to']);
  expect(fs.readFileSync(to).equals(data)).toBe(true);
});
