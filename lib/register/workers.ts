import { join } from 'node:path';
import type { Worker, WorkerOptions } from 'node:worker_threads';
import { nodeFs } from '../node/node-fs.js';
import { packageFolders } from '../node/package-folder.js';

type WorkerClass = typeof Worker;

const invalidFlags = 'ERR_WORKER_INVALID_EXEC_ARGV';

// Flags of the process, such as --expose-gc, are part of process.execArgv but are refused for a
// worker, which has them anyway. Node names them in its message.
function withoutRefused(execArgv: readonly string[], error: Error): string[] {
  const refused = new Set(error.message.slice(error.message.indexOf(': ') + 2).split(', '));
  return execArgv.filter((flag) => !refused.has(flag));
}

/** Flags for a new worker; none where the code runs in a bundle without the package. */
function registerFlags(): readonly string[] {
  const module = packageFolders()
    .map((folder) => join(folder, 'dist', 'register.js'))
    .find((file) => nodeFs.existsSync(file));
  return module === undefined ? [] : [`--require=${module}`];
}

/**
 * worker_threads.Worker whose threads register before they run anything else. They require the
 * module, which also loads ES modules, because Node runs the code of `eval: true` before an
 * --import has ended. The class is a proxy, so that it stays the same to `instanceof`.
 */
export function registeringWorker(base: WorkerClass): WorkerClass {
  let flags: readonly string[] | undefined;
  return new Proxy(base, {
    construct(_target, [filename, options, ...rest]: unknown[], newTarget) {
      // Not earlier: a program without workers needs no search for the module.
      flags ??= registerFlags();
      const added = flags;
      const given = options as WorkerOptions | null | undefined;
      const start = (execArgv: readonly string[]): object => {
        const more = { ...given, execArgv: [...execArgv, ...added] };
        return Reflect.construct(base, [filename, more, ...rest], newTarget);
      };
      if (Array.isArray(given?.execArgv)) return start(given.execArgv);
      // Node refuses other values.
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
