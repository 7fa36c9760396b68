// Shared by the checks of `npm run test:package`: running programs, and folders to install into.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const tools = path.join(root, 'scripts', 'tools');
export const packages = path.join(root, 'build-packages');
export const projects = fs.mkdtempSync(path.join(os.tmpdir(), 'overlapped-package-'));
export const platform = 'linux-x64-glibc';
export const project = path.join(projects, platform);
export const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));

const programs = path.join(root, 'scripts', 'package-test');
// Ends a program that hangs. The builds take many minutes on a busy machine.
const msMax = 25 * 60_000;
const outputBytesMax = 64 * 1024 * 1024;

/** Runs a program to its end; resolves to its output. */
export function run(command, args, { env = process.env, cwd = project, code = 0 } = {}) {
  const options = { cwd, env, timeout: msMax, killSignal: 'SIGKILL', maxBuffer: outputBytesMax };
  return new Promise((resolve, reject) => {
    execFile(command, args, options, (error, stdout, stderr) => {
      const output = stdout + stderr;
      const ended = error ? (error.code ?? error.signal) : 0;
      if (ended === code) return resolve(output);
      const line = `${command} ${args.join(' ')}`;
      reject(new Error(`${line}\nended with ${ended}, not ${code}\n${output}`));
    });
  });
}

/** Runs Node without a compiler, CMake or another tool: the package must need none. */
export function runNode(node, args, options) {
  return run(node, args, { env: { PATH: '' }, ...options });
}

export function has(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined;
}

export const quiet = ['--ignore-scripts', '--no-audit', '--no-fund'];

/** Installs one of the sets of tools; resolves to its node_modules. */
export async function installTools(name) {
  const folder = path.join(tools, name);
  await run('npm', ['ci', ...quiet, '--prefix', folder], { cwd: root });
  return path.join(folder, 'node_modules');
}

let registry;

/** Says at which address a registry has the packages. */
export function useRegistry(address) {
  registry = address;
}

export function registryAddress() {
  return registry;
}

/** Makes a folder of `projects` with the programs that use the package. */
export function makeProject(name) {
  const folder = path.join(projects, name);
  fs.mkdirSync(folder);
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "type": "module", "private": true }');
  fs.cpSync(programs, folder, { recursive: true });
  return folder;
}

/** Installs the package into a folder, with further options of npm. */
export async function npmInstall(folder, ...options) {
  const flags = [`--registry=${registry}`, `--cache=${path.join(projects, 'cache')}`];
  await run('npm', ['install', ...quiet, ...flags, ...options, 'overlapped'], { cwd: folder });
}

/** Installs the package for a platform, or for this one, into its folder of `projects`. */
export async function installFor(name) {
  const [system, cpu, libc] = name.split('-');
  const folder = makeProject(name);
  const others = name === platform ? [] : [`--os=${system}`, `--cpu=${cpu}`];
  if (others.length > 0 && libc) others.push(`--libc=${libc}`);
  await npmInstall(folder, ...others);
  const wanted = [path.join('@overlapped', name), 'overlapped'];
  assert.deepEqual(packagesIn(folder), wanted);
  return folder;
}

/** Copies the project, for checks that change it; returns the new folder, in one of its own. */
export function copyProject(name) {
  const folder = path.join(projects, name, 'project');
  const modules = path.join('node_modules');
  fs.cpSync(path.join(project, modules), path.join(folder, modules), { recursive: true });
  fs.cpSync(programs, folder, { recursive: true });
  return folder;
}

/** The names of the packages that are installed in a folder. */
export function packagesIn(folder) {
  const modules = path.join(folder, 'node_modules');
  const names = fs.readdirSync(modules).filter((name) => !name.startsWith('.'));
  return names
    .flatMap((name) => {
      const scoped = name.startsWith('@') ? fs.readdirSync(path.join(modules, name)) : [''];
      return scoped.map((one) => path.join(name, one));
    })
    .sort();
}

/** A folder for the files that a program makes. */
export function workFolder(parent = project) {
  return fs.mkdtempSync(path.join(parent, 'work-'));
}
