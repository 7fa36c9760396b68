// Alternate data streams (list, open), reparse points, and opens with backup intent.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { listStreams, open, readFile, writeFile } from '../../lib/index.js';
import { parseStreamList } from '../../lib/win32/named-streams.js';
import { fileWith, isWindows, rejection, settled, temporaryFolder, testWhere } from '../helpers.js';

const testOnWindows = testWhere(isWindows, 'only Windows has it');

testOnWindows('a stream of a file is opened as file:name', async () => {
  const file = fileWith('content');
  await writeFile(`${file}:notes`, 'beside the content');
  const handle = await open(`${file}:notes`, 'r+');
  expect(await handle.readFile('utf8')).toBe('beside the content');
  await handle.close();
  expect(await readFile(file, 'utf8')).toBe('content');
});

const streamsOfFile = isWindows ? await listStreams(fileWith('content')).catch(() => []) : [];
testWhere(streamsOfFile.length > 0, 'this system lists no streams')(
  'listStreams returns the unnamed stream and the others with their sizes',
  async () => {
    const file = fileWith('content');
    await writeFile(`${file}:notes`, 'four');
    const streams = await listStreams(file);
    expect(streams).toContainEqual({ name: '', type: '$DATA', size: 7 });
    expect(streams).toContainEqual({ name: 'notes', type: '$DATA', size: 4 });
    expect(streams).toHaveLength(2);
  },
);

test('the list of streams from the addon is parsed', () => {
  const text = '7\0::$DATA\x000\0:Zone.Identifier:$DATA\x004294967296\0:größe:$DATA\0';
  expect(parseStreamList(text)).toEqual([
    { name: '', type: '$DATA', size: 7 },
    { name: 'Zone.Identifier', type: '$DATA', size: 0 },
    { name: 'größe', type: '$DATA', size: 2 ** 32 },
  ]);
  expect(parseStreamList('')).toEqual([]);
});

testOnWindows('listStreams of a missing file is an error with the path', async () => {
  const missing = path.join(temporaryFolder(), 'missing');
  const { value, error } = await settled(listStreams(missing));
  // Wine finds no streams.
  if (error) expect(error).toMatchObject({ code: 'ENOENT', path: missing });
  else expect(value).toEqual([]);
});

testWhere(!isWindows, 'for systems without streams')(
  'listStreams and readReparsePoint are not available elsewhere',
  async () => {
    const code = 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM';
    expect(await rejection(listStreams(fileWith('')))).toMatchObject({ code });
    const handle = await open(fileWith(''));
    expect(await rejection(handle.readReparsePoint())).toMatchObject({ code });
    await handle.close();
  },
);

testOnWindows('readReparsePoint of anything but a reparse point is an error', async () => {
  const handle = await open(fileWith('content'), 'r', { windows: { openReparsePoint: true } });
  const error = await rejection(handle.readReparsePoint());
  expect(error).toMatchObject({ syscall: 'readreparsepoint' });
  expect(error).toHaveProperty('win32Error');
  await handle.close();
});

function makeJunction(): string | undefined {
  if (!isWindows) return undefined;
  const junction = path.join(temporaryFolder(), 'junction');
  try {
    fs.symlinkSync(temporaryFolder(), junction, 'junction');
    return fs.lstatSync(junction).isSymbolicLink() ? junction : undefined;
  } catch {
    return undefined;
  }
}

const junction = makeJunction();
testWhere(junction !== undefined, 'this system makes no junctions')(
  'readReparsePoint returns the data of a junction, header included',
  async () => {
    const options = { windows: { openReparsePoint: true } };
    const handle = await open(junction as string, 'r', options);
    const { tag, data } = await handle.readReparsePoint();
    expect(tag).toBe(0xa0000003);
    expect(data.readUInt16LE(4)).toBe(data.byteLength - 8);
    expect((await handle.getAttributes()).reparsePoint).toBe(true);
    await handle.close();
  },
);

testOnWindows('backupIntent opens with the privileges, files and folders', async () => {
  const file = fileWith('content');
  const handle = await open(file, 'r', { windows: { backupIntent: true } });
  expect(await handle.readFile('utf8')).toBe('content');
  await handle.close();
  const folder = await open(temporaryFolder(), 'r', { windows: { backupIntent: true } });
  expect(folder.deviceType).toBe('directory');
  await folder.close();
});
