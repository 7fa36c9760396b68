// The same as types.mts, in a CommonJS module.
import overlapped = require('overlapped');
import promises = require('overlapped/promises');

export const text: Promise<string> = overlapped.readFile('file', 'utf8');
export const bytes: Promise<Buffer> = promises.readFile('file');
// @ts-expect-error: a path is not a number of bytes.
overlapped.stat(true);
