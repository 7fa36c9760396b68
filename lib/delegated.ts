import { nodePromises } from './node-fs.js';

/** What an engine cannot make faster or better. docs/delegated.md says why for each. */
export const {
  access,
  chmod,
  chown,
  constants,
  cp,
  lchmod,
  lchown,
  link,
  lutimes,
  mkdir,
  mkdtemp,
  opendir,
  readlink,
  realpath,
  rename,
  rmdir,
  statfs,
  symlink,
  unlink,
  utimes,
  watch,
} = nodePromises;
