import { join } from 'node:path';
import process from 'node:process';
import { nodeFs } from '../node/node-fs.js';
import { packageFolders } from '../node/package-folder.js';
import type { NativeBinding } from './native.js';

// The addons in the package; docs/platforms.md says how they are built, and what they require.
const carried =
  'Linux (glibc 2.28 and later, or musl), macOS (11 and later) and Windows, for x64 and arm64';

const platform = `${process.platform}-${process.arch}`;
// A locally built addon comes before a prebuilt one.
const addonFiles = [
  join('build', 'Release', 'overlapped.node'),
  ...['', '.glibc', '.musl'].map((library) =>
    join('prebuilds', platform, `overlapped${library}.node`),
  ),
  'overlapped.node',
];

// Node's error codes when --no-addons or the permission model forbids addons.
const deniedCodes = new Set(['ERR_DLOPEN_DISABLED', 'ERR_ACCESS_DENIED']);

function withCode(message: string, code: string, cause: unknown): Error {
  return Object.assign(new Error(message, cause === undefined ? {} : { cause }), { code });
}

function denied(cause: Error & { code?: string }): Error {
  const isByPermission = 'permission' in process;
  const remedy = isByPermission ? 'add --allow-addons' : 'remove --no-addons';
  const reason = isByPermission ? 'the permission model' : '--no-addons';
  const message = `overlapped needs its native addon, which ${reason} denies: ${remedy}.`;
  return withCode(message, cause.code as string, cause);
}

function notFound(causes: readonly Error[]): Error {
  const folder = packageFolders()[0] ?? 'node_modules/overlapped';
  const details = causes.map(({ message }) => `\nCause: ${message}`).join('');
  const message =
    `overlapped has no native addon that loads on ${platform} (Node ${process.version}).\n` +
    `The package carries those for ${carried}.\n` +
    'Elsewhere build it, which needs a C++20 compiler and CMake, with this command:\n' +
    `    npx --yes cmake-js@8 compile --directory "${folder}"` +
    details;
  return withCode(message, 'ERR_ADDON_NOT_FOUND', causes[0]);
}

/** @throws on big-endian machines, which the addon does not support */
function checkByteOrder(): void {
  const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
  if (isLittleEndian) return;
  const message = `overlapped needs a little-endian machine, and ${platform} is none.`;
  throw withCode(message, 'ERR_ADDON_NOT_FOUND', undefined);
}

// Without a descriptor no file can be loaded.
const shortageCodes = new Set(['EMFILE', 'ENFILE']);

/** Whether an error says that the process has no descriptor left. */
export function isShortage(error: unknown): boolean {
  return shortageCodes.has((error as NodeJS.ErrnoException).code ?? '');
}

/** Whether a file that did not load is there. @throws EMFILE, ENFILE */
function isThere(file: string): boolean {
  try {
    nodeFs.closeSync(nodeFs.openSync(file, 'r'));
    return true;
  } catch (error) {
    if (isShortage(error)) throw error;
    return nodeFs.existsSync(file);
  }
}

/**
 * Finds and loads the addon: a locally built one, or the prebuilt one of the platform. It touches
 * only files of the package, so it works where the permission model denies everything else.
 * @throws ERR_ADDON_NOT_FOUND with instructions for building one; ERR_DLOPEN_DISABLED or
 *   ERR_ACCESS_DENIED if this process may not load addons; EMFILE or ENFILE
 */
export function loadBinding(): NativeBinding {
  checkByteOrder();
  const causes: Error[] = [];
  const files = packageFolders().flatMap((folder) => addonFiles.map((name) => join(folder, name)));
  // No iteration, which some programs break before the first call.
  for (let index = 0; index < files.length; index++) {
    const file = files[index] as string;
    const module = { exports: {} };
    try {
      // require() would also search the parent folders, and would give all copies of this package
      // in one thread the same environment.
      process.dlopen(module, file);
      return module.exports as NativeBinding;
    } catch (error) {
      const cause = error as Error & { code?: string };
      if (deniedCodes.has(cause.code ?? '')) throw denied(cause);
      if (isThere(file)) causes.push(cause);
    }
  }
  throw notFound(causes);
}
