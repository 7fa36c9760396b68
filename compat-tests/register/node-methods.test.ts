import { EventEmitter } from 'node:events';
import * as fs from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { FileHandle } from '../../lib/file-handle/file-handle.js';
import { open } from '../../lib/index.js';
import { inheritMethods } from '../../lib/register/node-methods.js';
import { fileWith } from '../helpers.js';

// A handle of a future Node, with a method that uses private fields, as pull() of Node 26 does.

const kFd = Symbol('kFd');
const kLocked = Symbol('kLocked');
const kRef = Symbol('kRef');
const kUnref = Symbol('kUnref');

class NodesHandle extends EventEmitter {
  [kFd] = 0;
  [kLocked] = false;
  [kRef](): void {}
  [kUnref](): void {}
  async close(): Promise<void> {}
  stat(): string {
    return 'of Node';
  }
  *lines(end: string): Generator<string> {
    if (this[kFd] === -1) throw new Error('closed');
    if (this[kLocked]) throw new Error('locked');
    this[kLocked] = true;
    this[kRef]();
    yield* fs.readFileSync(this[kFd], 'utf8').split(end);
    this[kUnref]();
    this[kLocked] = false;
  }
}

type Inheriting = FileHandle & { lines(end: string): Generator<string> };
const prototype = FileHandle.prototype as unknown as { lines?: unknown };

afterEach(() => {
  delete prototype.lines;
});

test('methods that only Node has work on our handles and keep them open', async () => {
  const own = FileHandle.prototype.stat;
  inheritMethods(new NodesHandle());
  expect(FileHandle.prototype.stat).toBe(own);
  const handle = (await open(fileWith('one,two'))) as Inheriting;
  const lines = handle.lines(',');
  expect(lines.next().value).toBe('one');
  expect(() => handle.lines(',').next()).toThrow('locked');
  let isClosed = false;
  const closing = handle.close().then(() => {
    isClosed = true;
  });
  await handle.stat();
  expect(isClosed).toBe(false);
  expect([...lines]).toEqual(['two']);
  await closing;
  expect(() => handle.lines(',').next()).toThrow('closed');
  expect(prototype.lines).toHaveProperty('name', 'lines');
});
