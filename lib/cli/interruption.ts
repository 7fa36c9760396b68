import { constants } from 'node:os';
import { exitCode } from './exit-code.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The reason for ending a run early: a signal, or a closed output. */
export class Interruption {
  constructor(
    readonly exitCode: number,
    /** Empty if there is nobody to tell. */
    readonly message: string,
  ) {}
}

// A signal may arrive twice at once, from the terminal and from a parent that passes it on. A
// second Ctrl-C after this time exits without waiting for operations in flight.
const impatientAfterMs = 1000;

/** Makes signals and a closed output abort the controller with an Interruption. */
export function abortOnSignals(controller: AbortController): void {
  let interruptedAt: number | undefined;
  for (const signal of signals) {
    process.on(signal, () => {
      const code = 128 + constants.signals[signal];
      interruptedAt ??= performance.now();
      if (performance.now() - interruptedAt > impatientAfterMs) process.exit(code);
      controller.abort(new Interruption(code, `interrupted by ${signal}`));
    });
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    const isClosed = error.code === 'EPIPE';
    const { code, message } = isClosed
      ? { code: exitCode.outputClosed, message: '' }
      : { code: exitCode.failed, message: `cannot print: ${error.message}` };
    controller.abort(new Interruption(code, message));
  });
}

/** Lets the readers of help and results end early, as `head` does. */
export function allowClosedOutput(): void {
  // A closed stderr means that nobody wants its text.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}
