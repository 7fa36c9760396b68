import { expect, test } from 'vitest';
import { loadBinding } from '../lib/engine/binding.js';
import { Engine } from '../lib/engine/engine.js';
import { type NativeBinding, SubmissionLayout } from '../lib/engine/native.js';
import { Opcode } from '../lib/engine/opcodes.js';
import { decodeValue } from '../lib/engine/operation.js';
import { attributesOfPath } from '../lib/engine/requests.js';
import { temporaryFolder } from './helpers.js';

test('a batch with a refused submission is served once, and the next one works', async () => {
  const binding = loadBinding();
  let ring: DataView | undefined;
  const batches: number[] = [];
  const native: NativeBinding = {
    ...binding,
    start(...args) {
      const description = binding.start(...args);
      ring = new DataView(description.submissions);
      return description;
    },
    submit(count, objects) {
      batches.push(count);
      if (batches.length > 1) return binding.submit(count, objects);
      const at = count * SubmissionLayout.size;
      ring?.setInt32(at + SubmissionLayout.opcode, Opcode.stat, true);
      ring?.setUint32(at + SubmissionLayout.slot, 2 ** 32 - 1, true);
      return binding.submit(count + 1, objects);
    },
  };
  const engine = new Engine(native, process.env.OVERLAPPED_ENGINE ?? '');
  const path = temporaryFolder();
  const look = (): Promise<number> =>
    engine.submit({
      ...attributesOfPath({ path, followLinks: true }),
      subject: { syscall: 'getattributes' },
      decode: decodeValue,
    });
  const first = look();
  expect(() => engine.flush()).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
  expect(await first).toBe(0);
  expect(await look()).toBe(0);
  expect(batches).toEqual([1, 1]);
});
