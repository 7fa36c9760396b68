import type { FileHandle } from '../file-handle.js';

type Callback = (error: unknown, ...results: unknown[]) => void;

/** What Node's file streams take as their `fs` option. The descriptor is known already. */
export interface StreamIo {
  open(path: string, flags: string | number, mode: number | string, callback: Callback): void;
  close(fd: number, callback: Callback): void;
  fsync(fd: number, callback: Callback): void;
  read(
    fd: number,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number | undefined,
    callback: Callback,
  ): void;
  write(
    fd: number,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number | undefined,
    callback: Callback,
  ): void;
  writev(fd: number, buffers: Buffer[], position: number | undefined, callback: Callback): void;
}

/**
 * Calls back once the promise has settled, outside of its reaction: what a listener of the stream
 * throws is an uncaught exception, as in Node, and no rejection.
 */
function callBack<T>(
  promise: Promise<T>,
  callback: Callback,
  results: (value: T) => unknown[],
): void {
  promise.then(
    (value) => process.nextTick(callback, null, ...results(value)),
    (error) => process.nextTick(callback, error),
  );
}

const nothing = (): unknown[] => [];

/** The transfers of a stream, over a handle that is open by then. */
export function transfersOver(
  handle: () => FileHandle,
): Pick<StreamIo, 'fsync' | 'read' | 'write' | 'writev'> {
  return {
    fsync: (_fd, callback) => callBack(handle().sync(), callback, nothing),
    read: (_fd, buffer, offset, length, position, callback) =>
      callBack(
        handle().read(buffer, offset, length, position ?? null),
        callback,
        ({ bytesRead }) => [bytesRead, buffer],
      ),
    write: (_fd, buffer, offset, length, position, callback) =>
      callBack(
        handle().write(buffer, offset, length, position ?? null),
        callback,
        ({ bytesWritten }) => [bytesWritten, buffer],
      ),
    writev: (_fd, buffers, position, callback) =>
      callBack(handle().writev(buffers, position ?? null), callback, ({ bytesWritten }) => [
        bytesWritten,
        buffers,
      ]),
  };
}

export type OpenFile = (
  path: string,
  flags?: string | number,
  mode?: number | string,
) => Promise<FileHandle>;

/**
 * Opens the file itself, and closes it.
 * @param isClosed whether the stream has ended. One that is aborted at once has before its file is
 *   open, and would never close it.
 */
export function ioOfPath(open: OpenFile, isClosed: () => boolean): StreamIo {
  let handle: FileHandle;
  return {
    ...transfersOver(() => handle),
    open(path, flags, mode, callback) {
      const opening = open(path, flags, mode).then((opened) => {
        handle = opened;
        const { fd } = opened;
        if (isClosed()) void opened.close();
        return fd;
      });
      callBack(opening, callback, (fd) => [fd]);
    },
    close: (_fd, callback) => callBack(handle.close(), callback, nothing),
  };
}

/** Of a handle that is held for the stream, and that the stream closes when it has ended. */
export function ioOfHandle(handle: FileHandle, release: () => void): StreamIo {
  return {
    ...transfersOver(() => handle),
    open(_path, _flags, _mode, callback) {
      process.nextTick(callback, null, handle.fd);
    },
    close(_fd, callback) {
      release();
      callBack(handle.close(), callback, nothing);
    },
  };
}
