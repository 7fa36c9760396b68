import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { nodeFs } from '../node/node-fs.js';
import { fileFrom, packageFolders } from '../node/package-folder.js';
import { type NativeBinding, packageVersion } from './native.js';
import { isShortage } from './shortage.js';

// docs/platforms.md says how the prebuilt addons are built, and what they require.
const carriedSystems = new Set(['linux', 'darwin', 'win32']);
const carriedProcessors = new Set(['x64', 'arm64']);
const carried =
  'Linux (glibc 2.28 and later, or musl), macOS (11 and later) and Windows, for x64 and arm64';

const platform = `${process.platform}-${process.arch}`;
const addonName = 'overlapped.node';
const isLinux = process.platform === 'linux';
// An addon for one of these C libraries of Linux does not load in a program of the other one.
const libraries = ['glibc', 'musl'];

// A locally built addon comes before a prebuilt one.
const ownFiles = [
  join('build', 'Release', addonName),
  ...(isLinux ? libraries.map((library) => `overlapped.${library}.node`) : [addonName]).map(
    (name) => join('prebuilds', platform, name),
  ),
  addonName,
];

/** The packages with the addon of this platform, optional dependencies of this package. */
const addonPackages = isLinux
  ? libraries.map((library) => `@overlapped/${platform}-${library}`)
  : [`@overlapped/${platform}`];

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

function howToBuild(folder: string): string {
  return (
    'Elsewhere build it, which needs a C++20 compiler and CMake, with this command:\n' +
    `    npx --yes cmake-js@8 compile --directory "${folder}"`
  );
}

function adviceForMissing(): string {
  if (!carriedSystems.has(process.platform) || !carriedProcessors.has(process.arch)) return '';
  return (
    `It is part of the optional dependency ${addonPackages.join(' or ')}. Installations with\n` +
    '--omit=optional lack it, and so do folders node_modules that come from another system: run\n' +
    'npm install here.\n'
  );
}

/** Describes an addon that is there. The system's own message seldom names the reason. */
function adviceForBroken(causes: readonly Error[]): string {
  const messages = causes.map(({ message }) => `    ${message}\n`).join('');
  return (
    `${messages}Common reasons are a file system that is mounted with noexec, an unfinished\n` +
    'installation, and a folder node_modules that comes from another system: run npm\n' +
    'install here.\n'
  );
}

function notFound(causes: readonly Error[]): Error {
  const folder = packageFolders()[0] ?? 'node_modules/overlapped';
  const where = `on ${platform} (Node ${process.version})`;
  const problem =
    causes.length === 0
      ? `overlapped has no native addon that loads ${where}.\n${adviceForMissing()}`
      : `overlapped has a native addon that does not load ${where}:\n${adviceForBroken(causes)}`;
  const message = `${problem}There are prebuilt ones for ${carried}.\n${howToBuild(folder)}`;
  return withCode(message, 'ERR_ADDON_NOT_FOUND', causes[0]);
}

/** @throws on big-endian machines, which the addon does not support */
function checkByteOrder(): void {
  const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
  if (isLittleEndian) return;
  const message = `overlapped needs a little-endian machine, and ${platform} is none.`;
  throw withCode(message, 'ERR_ADDON_NOT_FOUND', undefined);
}

/** Whether a file that did not load is there. @throws EMFILE, ENFILE */
function isThere(file: string): boolean {
  try {
    nodeFs.closeSync(nodeFs.openSync(file, 'r'));
    return true;
  } catch (error) {
    if (isShortage(error)) throw error;
    // The permission model denies the question, too: existsSync() throws in Node 26.
    if (deniedCodes.has((error as { code?: string }).code ?? '')) return false;
    return nodeFs.existsSync(file);
  }
}

/** The addon of one of the packages beside the package, where npm puts it. */
function filesBeside(folder: string): string[] {
  const modules = dirname(folder);
  if (basename(modules) !== 'node_modules') return [];
  return addonPackages.map((name) => join(modules, name, addonName));
}

/** The files that may be the addon, in places that need no search. */
function knownFiles(): string[] {
  return packageFolders().flatMap((folder) =>
    ownFiles.map((name) => join(folder, name)).concat(filesBeside(folder)),
  );
}

/** The addons of packages that an installation other than npm's has put elsewhere. */
function resolvedFiles(): string[] {
  const files = packageFolders().flatMap((folder) =>
    addonPackages.map((name) => fileFrom(folder, `${name}/${addonName}`)),
  );
  return files.filter((file) => file !== undefined);
}

/** @throws the error of the system, or one that tells the versions if they differ */
function load(file: string): NativeBinding {
  const module = { exports: {} };
  // require() would also search the parent folders, and would give all copies of this package
  // in one thread the same environment.
  process.dlopen(module, file);
  const binding = module.exports as NativeBinding;
  if (binding.version === packageVersion) return binding;
  const version = binding.version ?? 'an older version';
  throw new Error(`${file} has version ${version}, but the package has ${packageVersion}`);
}

/** Loads the first file that loads; adds the errors of the others that are there to `causes`. */
function loadFirst(files: readonly string[], causes: Error[]): NativeBinding | undefined {
  // No iteration, which some programs break before the first call.
  for (let index = 0; index < files.length; index++) {
    const file = files[index] as string;
    try {
      return load(file);
    } catch (error) {
      const cause = error as Error & { code?: string };
      if (deniedCodes.has(cause.code ?? '')) throw denied(cause);
      if (isThere(file)) causes.push(cause);
    }
  }
  return undefined;
}

/**
 * Finds and loads the addon: a locally built one, or the prebuilt one of the platform. It touches
 * only files of the packages, so it works where the permission model denies everything else.
 * @throws ERR_ADDON_NOT_FOUND with instructions for installing or building one;
 *   ERR_DLOPEN_DISABLED or ERR_ACCESS_DENIED if this process may not load addons; EMFILE or ENFILE
 */
export function loadBinding(): NativeBinding {
  checkByteOrder();
  const causes: Error[] = [];
  const known = knownFiles();
  const others = () => resolvedFiles().filter((file) => !known.includes(file));
  const binding = loadFirst(known, causes) ?? loadFirst(others(), causes);
  if (binding === undefined) throw notFound(causes);
  return binding;
}
