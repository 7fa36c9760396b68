import * as fs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { isWindows, packageFolder, temporaryFolder } from '../helpers.js';

/** The built module, for scripts of child processes. */
export const devicesUrl = pathToFileURL(
  path.join(packageFolder, 'dist', 'devices', 'index.js'),
).href;

/** Whether this is Wine and no Windows. */
export const isWine = isWindows && fs.existsSync('C:\\windows\\system32\\winedevice.exe');

let names = 0;

/** A name for a pipe that nobody has: on Windows of a pipe, elsewhere of a FIFO. */
export function newPipeName(): string {
  const name = `overlapped-test-${process.pid}-${++names}`;
  return isWindows ? name : path.join(temporaryFolder(), name);
}
