import { constants } from 'node:fs';
import { FileHandle } from '../file-handle/file-handle.js';
import { openParsed } from '../handle/open.js';
import { parseOpenOptions } from '../handle/open-options.js';
import { type SystemError, systemErrorOf } from '../node/errors.js';
import { validateObject, validateOneOf, validateSignal } from '../node/validate.js';
import { isWindows, requireKind, type SignalOptions } from './names.js';

const invalidHandle = 6;
const windowsNames = { input: 'CONIN$', output: 'CONOUT$' } as const;
const { O_RDWR, O_RDONLY, O_WRONLY } = constants;

/**
 * Opens the console of the process (CONIN$ or CONOUT$ on Windows, the controlling terminal on
 * POSIX), even if the standard streams are redirected. Completion ports do not support consoles,
 * so worker threads wait for them.
 * https://learn.microsoft.com/windows/console/console-handles
 * @param side 'input' reads what is typed; 'output' writes to the screen
 * @throws ENXIO, or another system error, if the process has no console
 * @example
 * const screen = await openConsole('output');
 * await screen.write('Continue? ');
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
  // Querying the mode or size of a console on Windows requires both access rights.
  const oneWay = side === 'input' ? O_RDONLY : O_WRONLY;
  const request = parseOpenOptions(isWindows ? O_RDWR : oneWay, { signal });
  const opening = openParsed({ native: name, shown: name }, request);
  const core = await opening.catch((error: SystemError) => {
    // Windows reports a missing console as an invalid handle.
    const isMissing = error.win32Error === invalidHandle;
    throw isMissing ? systemErrorOf('ENXIO', { syscall: 'open', path: name }) : error;
  });
  return new FileHandle(await requireKind(core, core.deviceType === 'char', name));
}
