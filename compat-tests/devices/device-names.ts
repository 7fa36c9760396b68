import * as fs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { isWindows, packageFolder, temporaryFolder } from '../helpers.js';

/** The URL of the built module, for scripts of child processes. */
export const devicesUrl = pathToFileURL(
  path.join(packageFolder, 'dist', 'devices', 'index.js'),
).href;

/** Whether the tests run under Wine. */
export const isWine = isWindows && fs.existsSync('C:\\windows\\system32\\winedevice.exe');

let names = 0;

/** An unused name for a pipe: of a named pipe on Windows, of a FIFO elsewhere. */
export function newPipeName(): string {
  const name = `overlapped-test-${process.pid}-${++names}`;
  return isWindows ? name : path.join(temporaryFolder(), name);
}
