import { once } from 'node:events';
import * as fs from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { engine, type FileHandle, open, stat } from '../../lib/index.js';
import { temporaryFolder, until } from '../helpers.js';

// A signal is an object of the program. Whatever its methods do, the other operations of its batch
// settle.

const folder = temporaryFolder();
const file = `${folder}/file`;
const batchSize = 64;
const partSize = 100;
let handle: FileHandle;

beforeAll(async () => {
  fs.writeFileSync(file, Buffer.alloc(batchSize * partSize));
  handle = await open(file, 'r+');
});
afterAll(() => handle.close());

let calls = 0;
beforeEach(() => {
  calls = 0;
});

/** A signal that runs a hook when its listeners or its reason are accessed. */
function signalThat(hooks: {
  added?: () => void;
  removed?: () => void;
  reason?: () => unknown;
  aborted?: () => boolean;
}): AbortSignal {
  const run = (hook: (() => void) | undefined) => (): void => {
    calls++;
    hook?.();
  };
  return {
    get aborted() {
      return hooks.aborted?.() ?? false;
    },
    get reason() {
      return hooks.reason?.();
    },
    addEventListener: run(hooks.added),
    removeEventListener: run(hooks.removed),
  } as unknown as AbortSignal;
}

/** Submits a batch in which one write has the signal, and returns the outcome of each write. */
async function writeBatch(signal: AbortSignal): Promise<PromiseSettledResult<unknown>[]> {
  const writes = Array.from({ length: batchSize }, (_, i) =>
    handle.write(Buffer.alloc(partSize, i), {
      position: i * partSize,
      signal: i === 3 ? signal : undefined,
    }),
  );
  return Promise.allSettled(writes);
}

function fulfilled(results: PromiseSettledResult<unknown>[]): number {
  return results.filter(({ status }) => status === 'fulfilled').length;
}

describe('every promise of a batch settles', () => {
  test('when removeEventListener throws', async () => {
    const results = await writeBatch(
      signalThat({
        removed: () => {
          throw new Error('from removeEventListener');
        },
      }),
    );
    expect(fulfilled(results)).toBe(batchSize);
    expect(calls).toBe(2);
    await until(() => engine.stats().inFlight === 0);
  });

  test('when addEventListener throws', async () => {
    const signal = signalThat({
      added: () => {
        throw new Error('from addEventListener');
      },
    });
    expect(fulfilled(await writeBatch(signal))).toBe(batchSize);
  });

  test('when removeEventListener calls back into the package', async () => {
    const nested: Promise<unknown>[] = [];
    const signal = signalThat({
      removed: () => {
        // More than the ring of submissions holds, so that some are submitted at once.
        for (let i = 0; i < 2000; i++) nested.push(stat(file));
      },
    });
    expect(fulfilled(await writeBatch(signal))).toBe(batchSize);
    expect(nested).toHaveLength(2000);
    expect(fulfilled(await Promise.allSettled(nested))).toBe(2000);
    const written = fs.readFileSync(file);
    expect(written.every((byte, i) => byte === Math.floor(i / partSize))).toBe(true);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('from reason');
      },
    ],
    ['calls back into the package', () => void stat(file)],
  ])('when the getter of reason %s', async (_, reason) => {
    let isAborted = false;
    let listener: (() => void) | undefined;
    const signal = {
      get aborted() {
        return isAborted;
      },
      get reason() {
        return reason();
      },
      addEventListener: (_name: string, given: () => void) => {
        listener = given;
      },
      removeEventListener: () => {},
    } as unknown as AbortSignal;
    const batch = writeBatch(signal);
    isAborted = true;
    listener?.();
    const results = await batch;
    expect(fulfilled(results)).toBeGreaterThanOrEqual(batchSize - 1);
    await until(() => engine.stats().inFlight === 0);
  });
});

test('operations that an abort listener starts all settle', async () => {
  const controller = new AbortController();
  const nested: Promise<unknown>[] = [];
  const aborted = once(controller.signal, 'abort').then(() => {
    for (let i = 0; i < batchSize; i++) nested.push(stat(file));
  });
  const batch = writeBatch(controller.signal);
  controller.abort();
  await aborted;
  expect(fulfilled(await batch)).toBeGreaterThanOrEqual(batchSize - 1);
  expect(fulfilled(await Promise.allSettled(nested))).toBe(batchSize);
});
