import { overlappedFs } from './functions/fs-object.js';
import promises from './promises.js';
import { register, unregister } from './register/register.js';

// An object in the shape of node:fs, for libraries that take an `fs` option. Functions that the
// engine does not serve, such as most functions on descriptors, are Node's own.

// The named exports below take precedence over the star export.
export * from 'node:fs';
export {
  access,
  appendFile,
  close,
  closeSync,
  fstat,
  lstat,
  open,
  read,
  readdir,
  readFile,
  readv,
  rename,
  rm,
  stat,
  unlink,
  writeFile,
} from './functions/callbacks.js';
export {
  createReadStream,
  createWriteStream,
  ReadStream,
  ReadStream as FileReadStream,
  WriteStream,
  WriteStream as FileWriteStream,
} from './streams/file-streams.js';
export {
  overlappedFs as default,
  overlappedFs as 'module.exports',
  promises,
  register,
  unregister,
};

// require() returns this object. The two functions are not enumerable, so that code that lists the
// members of `fs` does not see them.
for (const [name, value] of Object.entries({ register, unregister })) {
  Object.defineProperty(overlappedFs, name, { value, configurable: true, writable: true });
}
