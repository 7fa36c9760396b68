import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { engine } from '../../lib/index.js';
import {
  isLinux,
  openDescriptors,
  randomBytes,
  sleep,
  unbufferedFolder,
  until,
} from '../helpers.js';

export const size = 3_000_000;
export const content = randomBytes(size);
/** Known from the first hook on. */
export let folder: string;
/** A file with the content. */
export let source: string;
/** How many are open before a test. */
export let descriptors: number;

/**
 * Makes the files, and holds every test of this file to the laws of streams: nothing in flight, no
 * descriptor left, no rejection that nobody handles.
 * @param warmUp does what opens something that then stays open: what the engine and Node open once
 */
export function holdToLaws(warmUp: () => Promise<unknown>): void {
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown): void => void unhandled.push(error);

  beforeAll(async () => {
    folder = await unbufferedFolder();
    source = path.join(folder, 'source');
    fs.writeFileSync(source, content);
    await warmUp();
    process.on('unhandledRejection', onUnhandled);
  });
  afterAll(() => {
    process.off('unhandledRejection', onUnhandled);
  });
  beforeEach(() => {
    if (isLinux) descriptors = openDescriptors();
  });
  afterEach(async () => {
    await until(() => engine.stats().inFlight === 0);
    if (isLinux) await until(() => openDescriptors() <= descriptors);
    await sleep(1);
    expect(unhandled).toEqual([]);
  });
}
