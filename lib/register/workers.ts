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
 * worker_threads.Worker whose threads load a module first, as with `--import` on the command line.
 * A proxy, so that it is the same class to `instanceof`.
 */
export function importingWorker(base: WorkerClass, module: string): WorkerClass {
  const flag = `--import=${module}`;
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
