import { hideOwnFrames } from '../node/own-frames.js';
import { validateWindow, type WindowOptions } from '../transfer/window.js';

/** The options of a stream, as its caller has given them. */
export type Options = Record<string, unknown>;

/** Copies the options of one of Node's streams. */
export function copyOptions(given: unknown): Options {
  const options: Options = {};
  if (typeof given === 'string') options.encoding = given;
  // Inherited options are copied, too, as Node does.
  else for (const name in given as Options) options[name] = (given as Options)[name];
  return options;
}

const noWindow: WindowOptions = Object.freeze({});

/** @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
export function validateWindowOption(options: Options, name: string): WindowOptions {
  const window = options[name];
  if (window == null) return noWindow;
  validateWindow(window, `options.${name}`);
  return window;
}

/** The constructor of one of Node's stream classes, which also works on an existing object. */
export type StreamConstructor = (this: object, path: unknown, options: unknown) => void;

/** Sets up a stream by Node's constructor. @throws Node's errors, without frames of this package */
export function callBase(
  base: StreamConstructor,
  stream: object,
  path: unknown,
  options: unknown,
): void {
  try {
    base.call(stream, path, options);
  } catch (error) {
    hideOwnFrames(error);
    throw error;
  }
}

interface Closable {
  readonly writableFinished?: boolean;
  readonly errored: Error | null;
  destroy(): unknown;
  close(): void;
}

/**
 * Ends a stream whose handle is being closed. One that does not close its handle, and has finished
 * or failed, would wait for another end.
 */
export function letGo(stream: Closable): void {
  if (stream.writableFinished || stream.errored) stream.destroy();
  else stream.close();
}
