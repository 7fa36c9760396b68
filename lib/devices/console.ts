import { constants } from 'node:fs';
import type { FileHandle } from '../file-handle.js';
import { openParsed } from '../open.js';
import { parseOpenOptions } from '../open-options.js';
import { validateObject, validateOneOf, validateSignal } from '../validate.js';
import { isWindows, requireKind, type SignalOptions } from './names.js';

const windowsNames = { input: 'CONIN$', output: 'CONOUT$' } as const;
const { O_RDWR, O_RDONLY, O_WRONLY } = constants;

/**
 * Opens the console of the process (CONIN$, CONOUT$; elsewhere its controlling terminal), also where
 * the standard streams lead elsewhere. No port takes a console: worker threads wait for it.
 * @param side 'input' reads what is typed, 'output' writes to the screen
 * @throws ENXIO, or another system error, where the process has none
 */
export async function openConsole(
  side: 'input' | 'output',
  options: SignalOptions = {},
): Promise<FileHandle> {
  validateOneOf(side, 'side', Object.keys(windowsNames));
  validateObject(options, 'options');
  const { signal } = options;
  validateSignal(signal);
  const name = isWindows ? windowsNames[side] : '/dev/tty';
  // Windows asks for both rights of who asks for the mode or the size of a console.
  const oneWay = side === 'input' ? O_RDONLY : O_WRONLY;
  const request = parseOpenOptions(isWindows ? O_RDWR : oneWay, { signal });
  const handle = await openParsed({ native: name, shown: name }, request);
  return requireKind(handle, handle.deviceType === 'char', name);
}
