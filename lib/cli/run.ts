import { engine } from '../engine/engine.js';
import { exitCode } from './exit-code.js';
import { exitCodeOf } from './failure.js';
import { abortOnSignals, type Interruption } from './interruption.js';
import { makeOutput, type Output, type OutputOptions } from './output.js';

/** What a command works with. */
export interface Context {
  output: Output;
  /** Aborted with an Interruption. */
  signal: AbortSignal;
}

/** A command with its arguments; resolves to its exit code. */
export type Task = (context: Context) => Promise<number>;

/** What a command calls once its arguments are parsed, to run its task. */
export type Start = (options: OutputOptions, task: Task) => Promise<void>;

/** Runs a command: signals abort it, errors become lines or objects, and an exit code. */
export async function runTask(options: OutputOptions, task: Task): Promise<number> {
  const controller = new AbortController();
  const { signal } = controller;
  const output = makeOutput(options);
  abortOnSignals(controller);
  try {
    // Starts the engine: that there is none has nothing to do with any file.
    void engine.kind;
    return await task({ output, signal });
  } catch (error) {
    if (signal.aborted) {
      const { message, exitCode } = signal.reason as Interruption;
      output.error(new Error(message));
      return exitCode;
    }
    const code = exitCodeOf(error);
    // A mistake of this program is shown whole, for whoever will look for it.
    if (code === undefined) console.error(error);
    else output.error(error);
    return code ?? exitCode.failed;
  } finally {
    output.close();
  }
}
