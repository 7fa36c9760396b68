// Names of Windows that are not valid UTF-16, and codes of errors that libuv has no number for.
import * as fs from 'node:fs';
import { expect, test } from 'vitest';
import { isMissing } from '../../lib/copy/fallbacks.js';
import { openDirectory } from '../../lib/index.js';
import { decodeWtf8, encodeWtf8, pathBytes, pathText } from '../../lib/node/path-text.js';
import { isWindows, rejection, temporaryFolder, testWhere } from '../helpers.js';

const testOnWindows = testWhere(isWindows, 'the numbers are those of Windows');

const texts: Record<string, string> = {
  '': '',
  name: '6e616d65',
  'é€😀': 'c3a9e282acf09f9880',
  '\ud7ff\ue000': 'ed9fbfee8080',
  '\ud83d': 'eda0bd',
  'a\ude00b\ud83d': '61edb88062eda0bd',
  '\ude00\ud83d': 'edb880eda0bd',
};

test('every name survives as bytes, also with half of a surrogate pair', () => {
  for (const [text, hex] of Object.entries(texts)) {
    expect(encodeWtf8(text).toString('hex')).toBe(hex);
    expect(decodeWtf8(Buffer.from(hex, 'hex'))).toBe(text);
  }
});

test('names are bytes in UTF-8, and those of Windows have halves of pairs', () => {
  for (const [text, hex] of Object.entries(texts)) {
    const isWhole = Buffer.from(text).toString() === text;
    if (!isWhole && !isWindows) continue;
    expect(pathBytes(text).toString('hex')).toBe(hex);
    expect(pathText(Buffer.from(hex, 'hex'))).toBe(text);
  }
  expect(pathText(Buffer.from('61ff62', 'hex'))).toBe('a\ufffdb');
});

testOnWindows('an operation that Windows lacks is ENOSYS', async () => {
  const directory = await openDirectory(temporaryFolder());
  const error = await rejection(directory.makeNode('fifo', fs.constants.S_IFIFO ?? 0o010000, 0n));
  expect(error).toMatchObject({ code: 'ENOSYS', syscall: 'mknodat', win32Error: 120 });
  await directory.close();
});

test('a call that a file system of Windows lacks is missing, whatever libuv names it', () => {
  const ofSystem = { errno: -4068, code: 'EISDIR' };
  expect(isMissing({ ...ofSystem, win32Error: 1 })).toBe(true);
  expect(isMissing(ofSystem)).toBe(false);
});
