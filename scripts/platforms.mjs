// The platforms with a prebuilt addon. Each addon is published as a package of its own,
// @overlapped/NAME, an optional dependency of the package, so that npm installs one of them.

function linux(cpu, libc) {
  const file = `linux-${cpu}/overlapped.${libc}.node`;
  return [`linux-${cpu}-${libc}`, { os: 'linux', cpu, libc, file }];
}

function other(os, cpu) {
  return [`${os}-${cpu}`, { os, cpu, file: `${os}-${cpu}/overlapped.node` }];
}

/** By name: what npm compares with the machine, and the addon's file in prebuilds/. */
export const platforms = Object.fromEntries([
  linux('x64', 'glibc'),
  linux('arm64', 'glibc'),
  linux('x64', 'musl'),
  linux('arm64', 'musl'),
  other('darwin', 'arm64'),
  other('darwin', 'x64'),
  other('win32', 'x64'),
  other('win32', 'arm64'),
]);
