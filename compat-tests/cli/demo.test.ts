import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { isLinux, temporaryFolder, testWhere, unbufferedFolder } from '../helpers.js';
import { data, expectRefusal, overlapped } from './command.js';

test('the demo copies, verifies, compares, and leaves only the copy behind', async () => {
  const folder = await unbufferedFolder();
  const [source, to] = [path.join(folder, 'source'), path.join(folder, 'to')];
  fs.writeFileSync(source, data);
  const names = fs.readdirSync(folder);
  const { code, stdout, stderr } = await overlapped(['demo', source, to]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(new RegExp(`^engine +${process.env.OVERLAPPED_ENGINE}$`, 'm'));
  expect(stdout).toMatch(/^strategy +engine/m);
  expect(stdout).toMatch(/^alignment +position \d+, length \d+, memory \d+ bytes/m);
  expect(stdout).toMatch(/^verified +3,000,001 bytes/m);
  expect(stdout).toMatch(/^node:fs +[\d.]+ [KM]iB\/s$/m);
  expect(stdout).toMatch(/^ratio +[\d.]+x$/m);
  const wide = stdout.split('\n').filter((line) => line.length > 80);
  expect(wide.filter((line) => !/^(?:source|destination) /.test(line))).toEqual([]);
  expect(fs.readFileSync(to).equals(data)).toBe(true);
  expect(fs.readdirSync(folder).sort()).toEqual([...names, 'to'].sort());
});

test('without paths the demo creates a sample and removes it', async () => {
  const args = ['demo', '--sample-size', '2000001', '--no-compare'];
  const { code, stdout, stderr } = await overlapped(args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).not.toMatch(/node:fs/);
  const sample = /^source +(.*)$/m.exec(stdout)?.[1];
  expect(sample).toMatch(/overlapped-sample-/);
  expect(fs.existsSync(path.dirname(sample as string))).toBe(false);
});

test('a copy through the cache shows no alignment', async () => {
  const args = ['demo', '--buffered', '--sample-size', '2000001', '--no-compare'];
  const { code, stdout } = await overlapped(args);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^alignment +none: through the cache$/m);
});

test('the demo rejects invalid arguments', async () => {
  await expectRefusal(['demo', 'only-one'], 2, /the destination is missing/);
  await expectRefusal(
    ['demo', 'a', 'b', '--sample-size', '1M'],
    2,
    /cannot be combined with a source/,
  );
  const memory = ['--queue-depth', '1024', '--chunk-size', '2M'];
  await expectRefusal(['demo', 'a', 'b', ...memory], 2, /more than 1024 MiB/);
});

testWhere(isLinux, 'only Linux is sure to have a file system that refuses direct I/O (/proc)')(
  'if direct I/O is not available, the message names the file and the alternative',
  async () => {
    const to = path.join(temporaryFolder(), 'to');
    const text = /'\/proc\/version'.* refuses direct.*--buffered/;
    await expectRefusal(['demo', '/proc/version', to], 1, text);
    expect(fs.existsSync(to)).toBe(false);
  },
);
