import { systemError } from '../node/errors.js';
import { getEngine } from './engine.js';
import { OpenOption } from './opcodes.js';

/**
 * Gives this thread, and threads that the engine starts later, a priority at the disk. Linux only.
 * @throws a system error: ENOTSUP on other systems, EPERM
 */
export function setIoPriority(level: 'idle' | 'low'): void {
  const option = level === 'idle' ? OpenOption.ioIdle : OpenOption.ioLow;
  const result = getEngine().native.setIoPriority(option);
  if (result < 0) throw systemError(result, { syscall: 'ioprio_set' });
}
