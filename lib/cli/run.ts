import { engine } from '../engine/facts.js';
import { exitCode } from './exit-code.js';
import { exitCodeOf } from './failure.js';
import { abortOnSignals, type Interruption, whenPrinted } from './interruption.js';
import { makeOutput, type Output, type OutputOptions } from './output.js';

/** The environment of a command. */
export interface Context {
  output: Output;
  /** Aborted with an Interruption. */
  signal: AbortSignal;
}

/** A command with its arguments. @returns its exit code */
export type Task = (context: Context) => Promise<number>;

/** Called by a command to run its task once its arguments are parsed. */
export type Start = (options: OutputOptions, task: Task) => Promise<void>;

/** Runs a command: signals abort it, and errors are printed and become an exit code. */
export async function runTask(options: OutputOptions, task: Task): Promise<number> {
  const controller = new AbortController();
  const { signal } = controller;
  const output = makeOutput(options);
  abortOnSignals(controller);
  try {
    // Starts the engine here, so that a failure to start it is not blamed on a file.
    void engine.kind;
    const code = await task({ output, signal });
    const isInterrupted = signal.aborted;
    await whenPrinted();
    // The last lines could not be printed.
    if (signal.aborted && !isInterrupted) signal.throwIfAborted();
    return code;
  } catch (error) {
    if (signal.aborted) {
      const { message, exitCode } = signal.reason as Interruption;
      if (message !== '') output.error(new Error(message));
      return exitCode;
    }
    const code = exitCodeOf(error);
    // A defect of this program is shown with its stack; --json keeps stderr empty.
    if (code === undefined && !options.json) console.error(error);
    else output.error(error);
    return code ?? exitCode.failed;
  } finally {
    output.close();
  }
}
