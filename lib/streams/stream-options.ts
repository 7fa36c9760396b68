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
