import type { TimeLike } from 'node:fs';
import { knowsAllDescriptors } from './host.js';
import { nodeFs } from './node-fs.js';

// Node's functions of descriptors. Where node:fs takes only descriptors that it has opened itself,
// the function of paths gets the descriptor's name, which Linux has.

type Done = (error: Error | null) => void;

const nameOf = (fd: number): string => `/proc/self/fd/${fd}`;

export const fchmod = knowsAllDescriptors
  ? nodeFs.fchmod
  : (fd: number, mode: number | string, done: Done) => nodeFs.chmod(nameOf(fd), mode, done);

export const fchown = knowsAllDescriptors
  ? nodeFs.fchown
  : (fd: number, uid: number, gid: number, done: Done) => nodeFs.chown(nameOf(fd), uid, gid, done);

export const futimes = knowsAllDescriptors
  ? nodeFs.futimes
  : (fd: number, atime: TimeLike, mtime: TimeLike, done: Done) =>
      nodeFs.utimes(nameOf(fd), atime, mtime, done);
