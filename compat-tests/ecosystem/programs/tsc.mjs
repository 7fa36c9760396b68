import * as fs from 'node:fs';
import { createRequire } from 'node:module';

// The compiler is a program: it reads process.argv and ends the process.

/** Runs `tsc` in the folder, on a copy of a project. */
export function run({ source, folder }) {
  fs.cpSync(source, folder, { recursive: true });
  process.chdir(folder);
  const require = createRequire(import.meta.url);
  const compiler = require.resolve('typescript-in-javascript/lib/tsc.js');
  process.argv = [process.execPath, compiler, '--project', '.', '--listEmittedFiles'];
  require(compiler);
}
