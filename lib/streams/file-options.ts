import { requireCore } from '../handle/core-of.js';
import {
  type OpenOptions,
  type StreamOpenOptions,
  streamOpenOptionsOf,
} from '../handle/open-options.js';
import type { PublicHandle } from '../handle/public-handle.js';
import { abortError, systemErrorOf } from '../node/errors.js';
import { queueMicrotask } from '../node/globals.js';
import { ownOptions } from '../node/own-options.js';
import { type PathLike, parsePath } from '../node/paths.js';
import { validateBoolean, validateInteger, validateSignal } from '../node/validate.js';
import { HeldFile } from './held-file.js';

/** Options for the file of a streamx stream or a web stream. */
export interface FileOptions extends StreamOpenOptions, Pick<OpenOptions, 'mode'> {
  /** Node's flags for opening a path. */
  flags?: string | number | undefined;
  /** A FileHandle of this package instead of a path. */
  fd?: PublicHandle | null | undefined;
  /** Whether the stream closes a given handle when it ends. Default true. */
  autoClose?: boolean | undefined;
  /** Aborts the stream with an AbortError. */
  signal?: AbortSignal | undefined;
}

/** Called when a stream is ended from outside: AbortError, or EBADF if its handle is closed. */
export type Interrupt = (error: Error) => void;

/** @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
export function validatePlace(place: unknown, name: string, least = 0): void {
  if (place !== undefined && place !== Number.POSITIVE_INFINITY) {
    validateInteger(place, name, least);
  }
}

/** Calls back when a signal aborts, but not before the caller has received the stream. */
function onAbort(signal: AbortSignal, interrupt: Interrupt): () => void {
  const abort = (): void => interrupt(abortError(signal));
  if (signal.aborted) queueMicrotask(abort);
  else signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}

/**
 * Returns the file named by the options of a stream.
 * @param flags default flags
 * @returns the file, and a function that stops listening to the signal
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE; EBADF for a closed handle
 */
export function fileOf(
  path: PathLike | null | undefined,
  given: FileOptions,
  flags: string,
  operation: 'read' | 'write',
  interrupt: Interrupt,
): { file: HeldFile; autoClose: boolean; unlisten: () => void } {
  const options = ownOptions(given);
  const { fd, autoClose = true, signal } = options;
  validateBoolean(autoClose, 'options.autoClose');
  validateSignal(signal);
  let file: HeldFile;
  if (fd == null) {
    parsePath(path);
    file = new HeldFile({
      path: path as PathLike,
      flags: options.flags ?? flags,
      mode: options.mode,
      options: streamOpenOptionsOf(options),
    });
  } else {
    const core = requireCore(fd, 'options.fd');
    core.file.checkOpen(operation);
    const onClosing = (): void => interrupt(systemErrorOf('EBADF', { syscall: operation }));
    file = new HeldFile({ handle: fd, core, onClosing });
    file.hold();
  }
  const unlisten = signal === undefined ? () => {} : onAbort(signal, interrupt);
  return { file, autoClose, unlisten };
}
