import { join } from 'node:path';
import process from 'node:process';
import type { Worker, WorkerOptions } from 'node:worker_threads';
import { nodeFs } from '../node/node-fs.js';
import { packageFolders } from '../node/package-folder.js';

type WorkerClass = typeof Worker;

const invalidFlags = 'ERR_WORKER_INVALID_EXEC_ARGV';

// process.execArgv contains process-wide flags, such as --expose-gc, that apply to workers anyway
// but are rejected in a worker's execArgv. Node lists them in its message.
function withoutRefused(execArgv: readonly string[], error: Error): string[] {
  const refused = new Set(error.message.slice(error.message.indexOf(': ') + 2).split(', '));
  return execArgv.filter((flag) => !refused.has(flag));
}

/** Flags for new workers; none if the code runs in a bundle without the package. */
function registerFlags(): readonly string[] {
  const module = packageFolders()
    .map((folder) => join(folder, 'dist', 'register.cjs'))
    .find((file) => nodeFs.existsSync(file));
  return module === undefined ? [] : [`--require=${module}`];
}

/**
 * A worker_threads.Worker whose threads register before any other code runs. They require a module,
 * because Node runs `eval: true` code before an --import has finished. It is CommonJS, because Node
 * 20 and 22 abort if a thread is terminated while it is in require() of an ES module. The class is
 * a proxy, so that `instanceof` still works.
 */
export function registeringWorker(base: WorkerClass): WorkerClass {
  let flags: readonly string[] | undefined;
  return new Proxy(base, {
    construct(_target, [filename, options, ...rest]: unknown[], newTarget) {
      // Evaluated here, because a program without workers does not need the module.
      flags ??= registerFlags();
      const added = flags;
      const given = options as WorkerOptions | null | undefined;
      const start = (execArgv: readonly string[]): object => {
        const more = { ...given, execArgv: [...execArgv, ...added] };
        return Reflect.construct(base, [filename, more, ...rest], newTarget);
      };
      if (Array.isArray(given?.execArgv)) return start(given.execArgv);
      // Node rejects other values itself.
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
