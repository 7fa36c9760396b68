import { expect, test } from 'vitest';
import { open } from '../../lib/index.js';
import { fileWith, rejection } from '../helpers.js';

// What a web stream of a handle does to the handle when it fails.

for (const type of [undefined, 'bytes'] as const) {
  for (const autoClose of [false, true]) {
    const options = { type, autoClose };

    test(`a stream that has failed lets go of its handle: ${JSON.stringify(options)}`, async () => {
      // Opened for writing, so that its first read fails.
      const handle = await open(fileWith('content'), 'w');
      const reader = handle.readableWebStream(options).getReader();
      const error = await rejection(reader.read());
      expect(error).toMatchObject({ code: 'EBADF', syscall: 'read' });
      // Once, and the same for later calls.
      expect(await rejection(reader.read())).toBe(error);
      expect(await rejection(reader.closed)).toBe(error);
      // It would wait for ever for a stream that holds on.
      await handle.close();
      expect(handle.fd).toBe(-1);
    });
  }
}
