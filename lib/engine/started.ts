// Whether the engine of this environment has started, for code that loads before the engine's.

let submitAll: (() => void) | undefined;

/** Called once when the engine starts. @param submit submits all collected operations */
export function noteStart(submit: () => void): void {
  submitAll = submit;
}

/** Whether the engine has started. */
export function hasStarted(): boolean {
  return submitAll !== undefined;
}

/** Submits the collected operations, if the engine has started, and starts all that wait. */
export function flushEngine(): void {
  submitAll?.();
}
