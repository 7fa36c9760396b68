import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

// A bundler copies this code into a file of the application. The addon and the modules that workers
// load are not part of a bundle, so they are looked for where the package is installed.

/** This module in tests. In dist/, which is bundled, the package finds itself by its name. */
const ownPlace = /[\\/]lib[\\/]node[\\/]package-folder\.ts$/;

// CommonJS bundles have no import.meta.url, or one that was made for browsers.
function ownFile(): string | undefined {
  const url: unknown = import.meta.url;
  if (typeof url === 'string' && url.startsWith('file:')) return fileURLToPath(url);
  return typeof __filename === 'string' ? __filename : undefined;
}

function installedFolder(from: string): string | undefined {
  try {
    return dirname(createRequire(pathToFileURL(from)).resolve('overlapped/package.json'));
  } catch {
    return undefined;
  }
}

function findFolders(): string[] {
  const file = ownFile();
  if (file !== undefined && ownPlace.test(file)) return [dirname(dirname(dirname(file)))];
  const starts = [file, process.argv[1], process.execPath].filter((start) => start !== undefined);
  const folders = [...starts.map(installedFolder), ...starts.map((start) => dirname(start))];
  return [...new Set(folders.filter((folder) => folder !== undefined))];
}

let found: string[] | undefined;

/**
 * The folder of the package; in a bundle the folders where it may be: of the installed package, and
 * of the bundle, beside which an application may put the addon.
 */
export function packageFolders(): readonly string[] {
  found ??= findFolders();
  return found;
}
