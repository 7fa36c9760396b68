import { expect } from 'vitest';
import { open } from '../../lib/index.js';
import { isLinux, rejection, testWhere } from '../helpers.js';
import { canMakeFaults, FaultyFolder, faultsNeed } from './fault-fs.js';

const testWithFaults = testWhere(canMakeFaults, faultsNeed, { mustRun: isLinux });

// 89 and 85 are ECANCELED on macOS and FreeBSD.
for (const errno of [89, 85]) {
  testWithFaults(`the error ${errno} of Linux is not taken for a cancel`, async () => {
    const faulty = new FaultyFolder(`fsync=${errno}`);
    try {
      const handle = await open(faulty.at('file'), 'w');
      const error = await rejection(handle.sync());
      await handle.close();
      expect(error).toMatchObject({ name: 'Error', errno: -errno, syscall: 'fsync' });
    } finally {
      faulty.remove();
    }
  });
}
