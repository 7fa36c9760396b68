import { expect, test } from 'vitest';
import { engine, readFile } from '../lib/index.js';

test('the engine in use is the one that OVERLAPPED_ENGINE names', () => {
  console.log(`engine: ${engine.kind} (${process.platform}-${process.arch}, ${process.version})`);
  expect(engine.kind).toBe(process.env.OVERLAPPED_ENGINE);
});

test('engine.reason says why no better engine is in use, and is null for the best one', () => {
  if (engine.kind === 'threadpool') expect(engine.reason).toContain('OVERLAPPED_ENGINE');
  else expect(engine.reason).toBeNull();
});

test('engine.stats() counts an operation once when submitted and once when completed', async () => {
  const before = engine.stats();
  await readFile(new URL(import.meta.url));
  const after = engine.stats();
  expect(after.submitted - before.submitted).toBe(1);
  expect(after.completed - before.completed).toBe(1);
  // A cached file may be read in place, without a batch.
  expect(after.batches - before.batches).toBeLessThanOrEqual(1);
  expect(after.inFlight).toBe(0);
});
