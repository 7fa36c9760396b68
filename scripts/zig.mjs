// CMake's options for a build with zig, the cross compiler: it has headers and libraries of every
// system. It runs on Linux x64; `npm ci` in scripts/tools/zig/ installs it when it is first needed.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = path.join(root, 'scripts', 'tools', 'zig');
const cache = path.join(root, 'build-prebuild', 'zig-cache');

/** The program. */
export const zig = path.join(folder, 'node_modules', '@ryoppippi', 'zig-linux-x64', 'zig');

/** The environment of a build. */
export const zigEnvironment = { ZIG_GLOBAL_CACHE_DIR: cache, ZIG_LOCAL_CACHE_DIR: cache };

/** Whether zig can be installed on a system. */
export function hasZig({ platform, arch }) {
  return platform === 'linux' && arch === 'x64';
}

/** Installs zig. @throws Error if that is not possible */
export function needZig() {
  if (!hasZig(process)) throw new Error('zig is installed for Linux on x64 only');
  if (fs.existsSync(zig)) return;
  const args = ['ci', '--prefix', folder, '--no-audit', '--no-fund'];
  const { status, error } = spawnSync('npm', args, { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) throw new Error(`npm ${args.join(' ')} ended with ${status}`);
}

/** CMake's options for a target of zig, such as `x86_64-linux-musl`. @param system CMake's name */
export function zigOptions(target, system) {
  return [
    `-DCMAKE_TOOLCHAIN_FILE=${path.join(root, 'cmake', 'zig.cmake')}`,
    `-DOVERLAPPED_ZIG=${zig}`,
    `-DOVERLAPPED_TARGET=${target}`,
    `-DOVERLAPPED_SYSTEM=${system}`,
  ];
}
