// Without a descriptor no file can be loaded.
const shortageCodes = new Set(['EMFILE', 'ENFILE']);

/** Whether an error says that the process has no descriptor left. */
export function isShortage(error: unknown): boolean {
  return shortageCodes.has((error as NodeJS.ErrnoException).code ?? '');
}
