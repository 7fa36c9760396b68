import * as fs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'vitest';
import {
  type ChildOptions,
  type ChildResult,
  packageFolder,
  randomBytes,
  runChild,
  temporaryFolder,
} from '../helpers.js';

export const mainModule = path.join(packageFolder, 'dist', 'cli', 'main.js');
const importMain = `await import(${JSON.stringify(pathToFileURL(mainModule).href)});`;

/** Runs `overlapped` with these arguments as a child process whose output is not a terminal. */
export function overlapped(
  args: readonly string[],
  { before = '', ...options }: ChildOptions & { before?: string } = {},
): Promise<ChildResult> {
  return runChild(`${before}\n${importMain}`, { ...options, args });
}

export interface JsonLine {
  type: 'progress' | 'error' | 'result';
  [name: string]: unknown;
}

export function parseLines(stdout: string): JsonLine[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as JsonLine);
}

/** Runs overlapped() with --json, expects this exit code, and returns the last object. */
export async function lastObject(args: readonly string[], code = 0): Promise<JsonLine> {
  const result = await overlapped([...args, '--json']);
  expect(result.stderr).toBe('');
  expect(result.code).toBe(code);
  return parseLines(result.stdout).at(-1) as JsonLine;
}

/** Expects this exit code, a single line for the user without a stack, and no printed result. */
export async function expectRefusal(
  args: readonly string[],
  code: number,
  text: RegExp,
): Promise<void> {
  const { stdout, stderr, code: ended } = await overlapped(args);
  expect(stderr).toMatch(text);
  expect(stderr).toMatch(/^overlapped: .*\n$/);
  expect(stdout).toBe('');
  expect(ended).toBe(code);
}

/** A new folder with these files, keyed by path. */
export function folderWith(files: Record<string, Buffer | string>, parent?: string): string {
  const folder = temporaryFolder(parent);
  for (const [name, content] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), content);
  }
  return folder;
}

/** All names below a folder, with slashes, sorted. */
export function namesBelow(folder: string): string[] {
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.map((name) => name.replaceAll('\\', '/')).sort();
}

export const data = randomBytes(3_000_001);

/** A program that kills its process once a file in a folder has this content. */
export function killWhen(folder: string, name: RegExp, content: RegExp): string {
  return `
    setInterval(() => {
      const names = fs.readdirSync(${JSON.stringify(folder)}).filter((name) => ${name}.test(name));
      const files = names.map((name) => ${JSON.stringify(folder)} + '/' + name);
      const isThere = files.some((file) => ${content}.test(fs.readFileSync(file, 'latin1')));
      if (isThere) process.kill(process.pid, 'SIGKILL');
    }, 20);`;
}
