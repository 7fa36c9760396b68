import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect } from 'vitest';
import { FallbackLog } from '../../lib/copy/fallbacks.js';
import { cloneFile, offloadFile } from '../../lib/copy/offload.js';
import { decodeValue } from '../../lib/engine/operation.js';
import { copyBytes } from '../../lib/engine/requests.js';
import type { CoreHandle } from '../../lib/handle/core-handle.js';
import { openCore } from '../../lib/handle/open.js';
import { engine } from '../../lib/index.js';
import {
  isLinux,
  randomBytes,
  rejection,
  settled,
  temporaryFolder,
  testWhere,
} from '../helpers.js';

// A copy from one open file to another is in flight on both.

const test = testWhere(isLinux, 'only Linux copies between open files');
const data = randomBytes(14 * 1024 * 1024 + 5);

async function pair() {
  const folder = temporaryFolder();
  const [from, to] = [path.join(folder, 'from'), path.join(folder, 'to')];
  fs.writeFileSync(from, data);
  return { to, source: await openCore(from), destination: await openCore(to, 'w') };
}

function offload(source: CoreHandle, destination: CoreHandle, signal?: AbortSignal) {
  const bounds = { start: 0, end: data.byteLength };
  const onMoved = (): void => {};
  const fallbacks = new FallbackLog();
  const options = { bounds, pace: undefined, signal, onMoved, fallbacks };
  return offloadFile(source, destination, options);
}

test('closing the source or the destination waits for the copy in flight', async () => {
  for (const closed of ['source', 'destination'] as const) {
    const { to, source, destination } = await pair();
    const order: string[] = [];
    const cloning = settled(cloneFile(source, destination, false, undefined));
    const moving = settled(
      destination.operateFrom(source, {
        ...copyBytes({ position: 0, length: data.byteLength }),
        subject: { syscall: 'copy_file_range' },
        decode: decodeValue,
      }),
    );
    const closing = { source, destination }[closed].close().then(() => order.push('closed'));
    void moving.then(() => order.push('moved'));
    void cloning.then(() => order.push('cloned'));
    await Promise.all([cloning, moving, closing]);
    expect(order.at(-1)).toBe('closed');
    expect((await moving).value).toBe(data.byteLength);
    expect(fs.readFileSync(to).equals(data)).toBe(true);
    await source.close();
    await destination.close();
  }
});

test('if either handle is closed, nothing begins', async () => {
  for (const closed of ['source', 'destination'] as const) {
    const handles = await pair();
    const { source, destination } = handles;
    await handles[closed].close();
    expect((await rejection(cloneFile(source, destination, false, undefined))).code).toBe('EBADF');
    expect((await rejection(offload(source, destination))).code).toBe('EBADF');
    await source.close();
    await destination.close();
  }
});

test('cancel() of either handle ends the copy, and both stay usable', async () => {
  for (const cancelled of ['source', 'destination'] as const) {
    const handles = await pair();
    const { source, destination } = handles;
    const moving = settled(offload(source, destination));
    // The ranges are queried first; then the copy is in flight.
    await source.stat();
    handles[cancelled].cancelAll();
    const { error } = await moving;
    if (error !== undefined) expect(error.name).toBe('AbortError');
    expect(engine.stats().inFlight).toBe(0);
    expect((await offload(source, destination)).dataBytes).toBe(data.byteLength);
    expect(fs.readFileSync(handles.to).equals(data)).toBe(true);
    await source.close();
    await destination.close();
  }
});
