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
/** Set by the first hook. */
export let folder: string;
/** The path of a file with the content. */
export let source: string;
/** The number of open descriptors before a test. */
export let descriptors: number;

/**
 * Creates the files, and checks the laws of streams after every test of this file: nothing in
 * flight, no descriptor left, no unhandled rejection.
 * @param warmUp opens everything that the engine and Node open only once and keep open
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
