import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

/** The path of Bun as `npm install --prefix bench` installs it; undefined without it. */
export function findBun() {
  try {
    return createRequire(import.meta.url).resolve('@oven/bun-linux-x64/bin/bun');
  } catch {
    return undefined;
  }
}

/**
 * A process of Bun that runs a script. The script does its work once for each line that it reads,
 * and answers with a line of JSON.
 */
export class BunPeer {
  #child;
  #answers;

  constructor(bun, script, ...args) {
    this.#child = spawn(bun, [script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Runs the script's work once. */
  async ask(line) {
    this.#child.stdin.write(`${line}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error('Bun has ended before its answer');
    return JSON.parse(value);
  }

  /** Ends the process. */
  async close() {
    this.#child.stdin.end();
    await this.#answers.return?.();
  }
}
