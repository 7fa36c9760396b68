import { expect, test } from 'vitest';
import { open } from '../../lib/index.js';
import { fileWith, rejection } from '../helpers.js';

// The effect of a failed web stream on its handle.

for (const type of [undefined, 'bytes'] as const) {
  for (const autoClose of [false, true]) {
    const options = { type, autoClose };

    test(`a failed stream releases its handle: ${JSON.stringify(options)}`, async () => {
      // Opened for writing, so that its first read fails.
      const handle = await open(fileWith('content'), 'w');
      const reader = handle.readableWebStream(options).getReader();
      const error = await rejection(reader.read());
      expect(error).toMatchObject({ code: 'EBADF', syscall: 'read' });
      // Once, and the same error for later calls.
      expect(await rejection(reader.read())).toBe(error);
      expect(await rejection(reader.closed)).toBe(error);
      // Would wait forever for a stream that still holds the handle.
      await handle.close();
      expect(handle.fd).toBe(-1);
    });
  }
}
