import { constants } from 'node:os';
import { exitCode } from './exit-code.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What the run was ended by: a signal, or a reader of the output that has gone. */
export class Interruption {
  constructor(
    readonly exitCode: number,
    readonly message: string,
  ) {}
}

// A signal may come twice at once, from the terminal and from a parent that passes it on. Whoever
// presses Ctrl-C again after this does not want to wait for the end of what is in flight.
const impatientAfterMs = 1000;

/** From now on signals, and an output that nobody reads, abort with an Interruption. */
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
  process.stdout.on('error', (error) => {
    controller.abort(new Interruption(exitCode.failed, `cannot print: ${error.message}`));
  });
  // Who has closed it does not want what is printed there.
  process.stderr.on('error', () => {});
}
