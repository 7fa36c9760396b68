import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { nodeFs } from './node-fs.js';

// A bundler copies this code into a file of the application. The addon and the worker modules are
// not part of the bundle, so they are looked up where the package is installed.

/** The path of this module within the package: as tests load it, and in dist/. */
const ownPlace = /[\\/](?:build[\\/]tests|dist[\\/]chunks)[\\/][^\\/]+$/;

let entryUrl: unknown;
let found: string[] | undefined;

/**
 * Notes where an ES module of dist/ runs. The rest of dist/ is CommonJS, which does not know its
 * location in a bundle of ES modules.
 */
export function noteEntry(url: unknown): void {
  entryUrl ??= url;
  found = undefined;
}

// CommonJS bundles have no import.meta.url, or a substitute that was made for browsers.
function ownFile(): string | undefined {
  const url: unknown = import.meta.url ?? entryUrl;
  if (typeof url === 'string' && url.startsWith('file:')) return fileURLToPath(url);
  return typeof __filename === 'string' ? __filename : undefined;
}

function resolveFrom(file: string, request: string): string | undefined {
  try {
    return createRequire(pathToFileURL(file)).resolve(request);
  } catch {
    return undefined;
  }
}

function installedFolder(from: string): string | undefined {
  const file = resolveFrom(from, 'overlapped/package.json');
  return file === undefined ? undefined : dirname(file);
}

/** The path of a file of another package, such as `name/file`, as a module in a folder finds it. */
export function fileFrom(folder: string, request: string): string | undefined {
  return resolveFrom(join(folder, 'package.json'), request);
}

// A bundle may have a place of the same form. Looking the package up by name would fail where a
// layer such as memfs has replaced the functions of node:fs by then.
function folderAround(file: string): string | undefined {
  if (!ownPlace.test(file)) return undefined;
  const folder = dirname(dirname(dirname(file)));
  return nodeFs.existsSync(join(folder, 'addon', 'shared_rings.h')) ? folder : undefined;
}

function findFolders(): string[] {
  const file = ownFile();
  const around = file === undefined ? undefined : folderAround(file);
  if (around !== undefined) return [around];
  const starts = [file, process.argv[1], process.execPath].filter((start) => start !== undefined);
  const folders = [...starts.map(installedFolder), ...starts.map((start) => dirname(start))];
  return [...new Set(folders.filter((folder) => folder !== undefined))];
}

/**
 * The folder of the package. In a bundle, all folders that may be it: that of the installed
 * package, and that of the bundle, where an application may have put the addon.
 */
export function packageFolders(): readonly string[] {
  found ??= findFolders();
  return found;
}
