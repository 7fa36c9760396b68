import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { NativeBinding } from './native.js';

const packageFolder = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Finds and loads the addon: one built here, or the prebuilt one of the platform.
 * @throws Error with code 'ERR_ADDON_NOT_FOUND' that says what to do
 */
export function loadBinding(): NativeBinding {
  const require = createRequire(import.meta.url);
  try {
    const load = require('node-gyp-build') as (folder: string) => NativeBinding;
    return load(packageFolder);
  } catch (cause) {
    const platform = `${process.platform}-${process.arch}`;
    const error = new Error(
      `overlapped has no native addon for ${platform} (Node ${process.version}).\n` +
        'It comes with the package for the platforms under prebuilds/; elsewhere build it with a ' +
        `C++20 compiler and CMake:\n    cd ${packageFolder} && npm ci\n` +
        `Cause: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
    throw Object.assign(error, { code: 'ERR_ADDON_NOT_FOUND' });
  }
}
