import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const register = new URL('../../dist/register.js', import.meta.url).href;

/** The two sides of a comparison: Node's own functions, and those of this package instead. */
export const sides = { node: 'node:fs', registered: 'register' };

/** Flags of Node for one side. */
export function flagsOf(side) {
  return side === sides.registered ? ['--import', register] : [];
}

/**
 * A process that runs a script of this folder with one side's functions. The script answers each
 * message with one message.
 */
export class Peer {
  #child;
  #waiting;
  /** The first message, if it has come before anybody asked. */
  #early;

  constructor(script, side, { args = [], ...options } = {}) {
    const file = fileURLToPath(new URL(script, import.meta.url));
    this.#child = fork(file, args, { execArgv: flagsOf(side), ...options });
    this.#child.on('message', (message) => {
      if (this.#waiting === undefined) this.#early = { message };
      else this.#waiting.resolve(message);
    });
    this.#child.on('exit', (code, signal) => {
      this.#waiting?.reject(new Error(`${script} with ${side} ended with ${signal ?? code}`));
    });
  }

  /** Sends a message, if there is one, and resolves to the next answer. */
  ask(message) {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      if (this.#early !== undefined) resolve(this.#early.message);
      this.#early = undefined;
      if (message !== undefined) this.#child.send(message);
    });
  }

  /** Ends the process. */
  async close() {
    this.#waiting = undefined;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill();
    await ended;
  }
}
