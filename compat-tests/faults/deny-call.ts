import { execFileSync, spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll } from 'vitest';
import { isLinux, temporaryFolder } from '../helpers.js';

/** Whether deny-call can be built. */
export const hasCompiler = isLinux && spawnSync('cc', ['--version']).status === 0;

/** Builds deny-call.c before the tests of a file. The returned function gives them its path. */
export function buildDenyCall(): () => string {
  let program: string;
  beforeAll(() => {
    if (!hasCompiler) return;
    program = path.join(temporaryFolder(), 'deny-call');
    const source = fileURLToPath(new URL('deny-call.c', import.meta.url));
    execFileSync('cc', ['-O1', '-o', program, source]);
  });
  return () => program;
}
