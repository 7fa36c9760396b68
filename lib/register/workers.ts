import { fileURLToPath } from 'node:url';
import type { Worker, WorkerOptions } from 'node:worker_threads';

type WorkerClass = typeof Worker;

const invalidFlags = 'ERR_WORKER_INVALID_EXEC_ARGV';

// Flags of the process, as --expose-gc, stand in process.execArgv but are refused for a worker,
// which has them anyway. Node names them in its message.
function withoutRefused(execArgv: readonly string[], error: Error): string[] {
  const refused = new Set(error.message.slice(error.message.indexOf(': ') + 2).split(', '));
  return execArgv.filter((flag) => !refused.has(flag));
}

/**
 * worker_threads.Worker whose threads load a module before anything else. It is required, which
 * also loads ES modules, since Node runs the code of `eval: true` before an --import has ended. A
 * proxy, so that it is the same class to `instanceof`.
 */
export function requiringWorker(base: WorkerClass, module: string): WorkerClass {
  const flag = `--require=${fileURLToPath(module)}`;
  return new Proxy(base, {
    construct(_target, [filename, options, ...rest]: unknown[], newTarget) {
      const given = options as WorkerOptions | null | undefined;
      const start = (execArgv: readonly string[]): object =>
        Reflect.construct(
          base,
          [filename, { ...given, execArgv: [...execArgv, flag] }, ...rest],
          newTarget,
        );
      if (Array.isArray(given?.execArgv)) return start(given.execArgv);
      // What is no list is Node's to refuse.
      if (given?.execArgv) return Reflect.construct(base, [filename, options, ...rest], newTarget);
      const inherited = process.execArgv;
      try {
        return start(inherited);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== invalidFlags) throw error;
        return start(withoutRefused(inherited, error as Error));
      }
    },
  });
}
