import * as fs from 'node:fs';
import { constants } from 'node:os';
import * as path from 'node:path';
import { exitCode } from './exit-code.js';
import { hasReaderLeft } from './standard-streams.js';

const { O_RDONLY, O_WRONLY, O_RDWR } = fs.constants;
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

/**
 * Whether this process must survive a hangup. Node sets the signals that nohup ignores back to
 * their defaults, so this is told by other signs: bash and zsh pass the command that they start in
 * `_`, a shell that ignores the signal still does, and nohup replaces a terminal by /dev/null,
 * which it opens for writing.
 */
function ignoresHangup(): boolean {
  if (path.basename(process.env._ ?? '') === 'nohup') return true;
  try {
    const parent = fs.readFileSync(`/proc/${process.ppid}/status`, 'utf8');
    const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(parent)?.[1] ?? '0';
    if ((BigInt(`0x${ignored}`) & 1n) === 1n) return true;
    const input = fs.readFileSync('/proc/self/fdinfo/0', 'utf8');
    const flags = Number.parseInt(/^flags:\s*(\d+)$/m.exec(input)?.[1] ?? '0', 8);
    const isForWriting = (flags & (O_RDONLY | O_WRONLY | O_RDWR)) === O_WRONLY;
    return isForWriting && fs.readlinkSync('/proc/self/fd/0') === '/dev/null';
  } catch {
    // Only Linux has these files.
    return false;
  }
}

/** Makes signals and a closed output abort the controller with an Interruption. */
export function abortOnSignals(controller: AbortController): void {
  let interruptedAt: number | undefined;
  const survivesHangup = ignoresHangup();
  for (const signal of signals) {
    if (signal === 'SIGHUP' && survivesHangup) {
      process.on(signal, () => {});
      continue;
    }
    process.on(signal, () => {
      const code = 128 + constants.signals[signal];
      interruptedAt ??= performance.now();
      if (performance.now() - interruptedAt > impatientAfterMs) process.exit(code);
      controller.abort(new Interruption(code, `interrupted by ${signal}`));
    });
  }
  // Without a listener Node starts its debugger, to which every local user can connect. People send
  // the signal to dd and others, to see how far they are.
  process.on('SIGUSR1', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    const { code, message } = hasReaderLeft(error.code)
      ? { code: exitCode.outputClosed, message: '' }
      : { code: exitCode.failed, message: `cannot print: ${error.message}` };
    controller.abort(new Interruption(code, message));
  });
}

/** Resolves when everything has been printed, or its failure has been reported as an error. */
export function whenPrinted(): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write('', () => setImmediate(resolve));
  });
}

/** Lets the readers of help and results end early, as `head` does. */
export function allowClosedOutput(): void {
  // A closed stderr means that nobody wants its text.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}
