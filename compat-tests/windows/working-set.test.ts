import { expect, test } from 'vitest';
import { engine } from '../../lib/index.js';
import { isWindows, testWhere } from '../helpers.js';

testWhere(isWindows, 'only Windows has it')(
  'growWorkingSet raises the minimum working set by the requested bytes',
  () => {
    const bytes = 1024 * 1024;
    const before = engine.growWorkingSet(bytes);
    expect(before).toBeGreaterThan(bytes);
    // Wine accepts the call and keeps its fixed size.
    expect([before, before + bytes]).toContain(engine.growWorkingSet(bytes));
  },
);

testWhere(!isWindows, 'only elsewhere')('growWorkingSet is not available on other systems', () => {
  expect(() => engine.growWorkingSet(4096)).toThrow(
    expect.objectContaining({ code: 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM' }),
  );
});

test('growWorkingSet rejects anything but a number of bytes', () => {
  for (const bytes of [0, -1, 1.5, 2 ** 50]) {
    expect(() => engine.growWorkingSet(bytes)).toThrow(
      expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }),
    );
  }
  const untyped = engine.growWorkingSet as (bytes: unknown) => number;
  expect(() => untyped('1')).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
});
