import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type ChildResult, packageFolder, runChild } from '../helpers.js';

/** The URL of an example's module. */
export function urlOfExample(name: string): string {
  return pathToFileURL(path.join(packageFolder, 'examples', `${name}.mjs`)).href;
}

/** Runs an example as a command, in a child process on the engine under test. */
export function runExample(name: string, ...args: string[]): Promise<ChildResult> {
  const url = new URL(urlOfExample(name));
  // The module recognizes that it is the main program by the path that Node received.
  const script = `
    const { fileURLToPath } = await import('node:url');
    process.argv[1] = fileURLToPath(${JSON.stringify(url.href)});
    await import(${JSON.stringify(url.href)});
  `;
  return runChild(script, { args });
}
