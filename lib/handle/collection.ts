import process from 'node:process';
import { getEngine } from '../engine/engine.js';
import { complete, decodeNothing } from '../engine/operation.js';
import { closeFile } from '../engine/requests.js';
import { setImmediate } from '../node/globals.js';
import { nodeFs } from '../node/node-fs.js';
import { noDescriptor } from './opened-file.js';

const isWindows = process.platform === 'win32';
const closeSubject = { syscall: 'close' };

/**
 * How to treat an open file that has become unreachable:
 * - 'close': it is closed silently. Only the package used it.
 * - 'warn': it is closed with the warnings of Node's own FileHandle.
 * - 'keep': its descriptor stays open, since a program may still use it, as with a stream of
 *   node:fs.
 * - 'forget': the program owns its descriptor and closes it. The descriptor may be another file's.
 */
export type WhenCollected = 'close' | 'warn' | 'keep' | 'forget';

/** An open file, separate from the object that represents it. */
export interface Held {
  /** Its number in the addon's table of open files. */
  readonly file: number;
  /** The descriptor. On Windows a second one, made on first use. */
  fd: number;
  whenCollected: WhenCollected;
  /** The object, until the registry watches it; then undefined. */
  object: object | undefined;
}

const collectable = new FinalizationRegistry<Held>(({ file, fd, whenCollected }) => {
  const isKept = whenCollected === 'keep' || whenCollected === 'forget';
  // On Windows the program has its own descriptor, which outlives the file's handle.
  if (isKept && !isWindows) {
    if (whenCollected === 'forget') getEngine().forgetFile(file);
    return;
  }
  if (whenCollected === 'warn') warn(fd);
  if (isWindows && fd !== noDescriptor && !isKept) nodeFs.closeSync(fd);
  submitClose(file).catch(() => {});
});

// A registration costs as much as all other objects of a handle together, and most files that are
// opened and read one after another are closed before the event loop turns.
const young: Held[] = [];

function registerYoung(): void {
  for (const held of young) {
    const { object } = held;
    if (object === undefined) continue;
    held.object = undefined;
    collectable.register(object, held, held);
  }
  young.length = 0;
}

/** Treats an open file as its `whenCollected` says if its object is collected. */
export function watchCollection(held: Held): void {
  if (young.length === 0) setImmediate(registerYoung).unref();
  young.push(held);
}

/** Ends the watch, because the file is being closed. */
export function unwatchCollection(held: Held): void {
  if (held.object === undefined) collectable.unregister(held);
  else held.object = undefined;
}

function warn(fd: number): void {
  const what = fd === noDescriptor ? 'a file handle without a descriptor' : `file descriptor ${fd}`;
  process.emitWarning(`Closing ${what} on garbage collection`);
  process.emitWarning(
    'Closing a FileHandle object on garbage collection is deprecated. Please close FileHandle ' +
      'objects explicitly using FileHandle.prototype.close(). In the future, an error will be ' +
      'thrown if a file descriptor is closed during garbage collection.',
    'DeprecationWarning',
    'DEP0137',
  );
}

/**
 * Closes an open file that has nothing in flight.
 * @param isWritable whether it may have been written; the kernel may wait when it closes it then
 */
export function submitClose(file: number, isWritable = false): Promise<void> {
  const request = complete(closeFile(file), closeSubject, decodeNothing);
  return isWritable ? getEngine().submit(request) : getEngine().start<void>(request);
}
