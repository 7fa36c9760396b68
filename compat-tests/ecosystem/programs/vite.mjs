import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';

/** Runs `vite build` in the folder, on a copy of a project. */
export async function run({ source, folder }) {
  fs.cpSync(source, folder, { recursive: true });
  process.chdir(folder);
  const require = createRequire(import.meta.url);
  const command = path.join(path.dirname(require.resolve('vite/package.json')), 'bin', 'vite.js');
  process.argv = [process.execPath, command, 'build', '--logLevel', 'warn'];
  await import(pathToFileURL(command).href);
}
