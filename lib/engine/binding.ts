import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { NativeBinding } from './native.js';

const packageFolder = fileURLToPath(new URL('../..', import.meta.url));

// What the package carries: docs/platforms.md says how it is made, and what it needs.
const carried = 'linux-x64 (glibc 2.34 and later) and win32-x64';

/**
 * Finds and loads the addon: one built here, or the prebuilt one of the platform.
 * @throws Error with code 'ERR_ADDON_NOT_FOUND' that says how to build one
 */
export function loadBinding(): NativeBinding {
  const require = createRequire(import.meta.url);
  try {
    const load = require('node-gyp-build') as (folder: string) => NativeBinding;
    return load(packageFolder);
  } catch (cause) {
    const platform = `${process.platform}-${process.arch}`;
    const error = new Error(
      `overlapped has no native addon that loads on ${platform} (Node ${process.version}).\n` +
        `The package carries those of ${carried}. Elsewhere build it, which needs a C++20 ` +
        'compiler and CMake, with this command:\n' +
        `    npx --yes cmake-js@8 compile --directory "${packageFolder}"\n` +
        `Cause: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
    throw Object.assign(error, { code: 'ERR_ADDON_NOT_FOUND' });
  }
}
