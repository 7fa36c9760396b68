import { constants } from 'node:os';
import { exitCode } from './exit-code.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The reason for ending a run early: a signal, or a closed output. */
export class Interruption {
  constructor(
    readonly exitCode: number,
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
  process.stdout.on('error', (error) => {
    controller.abort(new Interruption(exitCode.failed, `cannot print: ${error.message}`));
  });
  // A closed stderr means that nobody wants its text.
  process.stderr.on('error', () => {});
}
