// Writes of a turn in which a child inherits the descriptor: they begin before the child starts.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { expect } from 'vitest';
import ourFs from '../../lib/fs.js';
import { open as ourOpen } from '../../lib/index.js';
import { fileWith, isWindows, testWhere } from '../helpers.js';

const testPosix = testWhere(!isWindows, 'there is no sh');

/** Blocks the thread until the file has content, and returns it with what the child appends. */
function contentSeenByChild(file: string, fd: number): string {
  const script = 'until [ -s "$0" ]; do sleep 0.01; done; echo child >&3; cat "$0"';
  const stdio = ['ignore', 'pipe', 'inherit', fd] as const;
  const child = spawnSync('sh', ['-c', script, file], { stdio: [...stdio], timeout: 60_000 });
  return String(child.stdout);
}

testPosix('a child writes behind what a stream was given in the same turn', async () => {
  const file = fileWith('');
  const stream = ourFs.createWriteStream(file);
  await once(stream, 'open');
  stream.write('before\n');
  const { fd } = stream as unknown as { fd: number };
  expect(contentSeenByChild(file, fd)).toBe('before\nchild\n');
  stream.end();
  await once(stream, 'close');
});

testPosix('a child writes behind what a handle was given in the same turn', async () => {
  for (const openFile of [open, ourOpen]) {
    const file = fileWith('');
    const handle = await openFile(file, 'w');
    const writing = handle.write('before\n');
    expect(contentSeenByChild(file, handle.fd)).toBe('before\nchild\n');
    await writing;
    await handle.close();
  }
});
