import { styleText } from 'node:util';
import type { TreeChange } from '../copy/tree/copy-tree-report.js';
import { codeOf } from './failure.js';
import { printable } from './format.js';
import { messageOf } from './message.js';
import {
  noProgress,
  ProgressBars,
  ProgressLines,
  ProgressObjects,
  type ProgressReport,
  type ProgressView,
} from './progress.js';

export interface OutputOptions {
  json?: boolean;
  quiet?: boolean;
  /** Prints results to stderr, because stdout carries data. */
  isPiped?: boolean;
}

/** A line of a result: its name and its value. */
export type Row = readonly [name: string, value: string];

/** The output of a command. Results go to stdout, progress and errors to stderr. */
export interface Output {
  progress(report: ProgressReport): void;
  /** Prints a part of the result at once for people; programs get it with the result. */
  line(text: string): void;
  /** Prints one change of a tree at once. */
  change(change: TreeChange): void;
  /** @param value object for JSON; @param text the same for people */
  result(value: object, text: readonly (Row | string)[]): void;
  /**
   * Prints a result that other programs read. Only a terminal gets control characters as escapes.
   * @param line the same for them, with its end
   */
  data(value: object, line: Buffer): void;
  /** Prints an error of one file, or the error that ended the command. */
  error(error: unknown, path?: string): void;
  /** Ends all progress, so that no unfinished bar stays on a terminal. */
  close(): void;
}

const actionWidth = 'metadata'.length;

type Style = Parameters<typeof styleText>[0];

/** Adds color if the stream is a terminal that supports it, and NO_COLOR is not set. */
function styled(style: Style, text: string, stream: NodeJS.WriteStream): string {
  return styleText(style, text, { stream });
}

/** Converts an error to an object for --json. */
export function errorObject(error: unknown, path?: string): object {
  const place = path === undefined ? {} : { path };
  return { message: messageOf(error), code: codeOf(error) ?? null, ...place };
}

/** Output for people: `name  value` in columns, and a bar or lines of progress. */
class TextOutput implements Output {
  readonly #view: ProgressView;
  readonly #results: NodeJS.WriteStream;

  constructor(quiet: boolean, results: NodeJS.WriteStream) {
    this.#results = results;
    const { stderr } = process;
    const print = (line: string): void => void stderr.write(`${line}\n`);
    // A dumb terminal, such as that of an editor, cannot move its cursor.
    const hasCursor = stderr.isTTY && process.env.TERM !== 'dumb';
    const view = hasCursor ? new ProgressBars(stderr) : new ProgressLines(print);
    this.#view = quiet ? noProgress : view;
  }

  progress(report: ProgressReport): void {
    this.#view.show(report);
  }

  line(text: string): void {
    this.#view.stop();
    this.#results.write(`${printable(text)}\n`);
  }

  change({ action, path, reason }: TreeChange): void {
    this.line(`${action.padEnd(actionWidth)} ${path} (${reason})`);
  }

  result(_value: object, text: readonly (Row | string)[]): void {
    this.#view.stop();
    // A comparison may have a row for each of a million files, more than a call takes arguments.
    const lengthOf = (row: Row | string): number => (typeof row === 'string' ? 0 : row[0].length);
    const width = text.reduce((most, row) => Math.max(most, lengthOf(row)), 0) + 2;
    for (const row of text) {
      const line =
        typeof row === 'string'
          ? printable(row)
          : styled('bold', row[0].padEnd(width), this.#results) + printable(row[1]);
      this.#results.write(`${line}\n`);
    }
  }

  data(_value: object, line: Buffer): void {
    if (this.#results.isTTY) {
      this.line(line.toString().replace(/\n$/, ''));
      return;
    }
    this.#view.stop();
    this.#results.write(line);
  }

  error(error: unknown, path?: string): void {
    this.#view.stop();
    const { stderr } = process;
    const message = messageOf(error);
    // Most system errors name the path themselves.
    const place = path === undefined || message.includes(path) ? '' : `${path}: `;
    const lines = codeOf(error) === 'ERR_ADDON_NOT_FOUND' ? message.split('\n') : [message];
    const text = place + lines.map(printable).join('\n');
    stderr.write(`overlapped: ${styled('red', text, stderr)}\n`);
  }

  close(): void {
    this.#view.stop();
  }
}

/** Output for programs: an object per line, all on one stream. */
class JsonOutput implements Output {
  readonly #view: ProgressView;
  readonly #print: (value: object) => void;

  constructor(quiet: boolean, results: NodeJS.WriteStream) {
    this.#print = (value) => printObject(value, results);
    this.#view = quiet ? noProgress : new ProgressObjects(this.#print);
  }

  progress(report: ProgressReport): void {
    this.#view.show(report);
  }

  line(): void {}

  change(change: TreeChange): void {
    this.#print({ type: 'change', ...change });
  }

  result(value: object): void {
    this.#print({ type: 'result', ...value });
  }

  data(value: object): void {
    this.result(value);
  }

  error(error: unknown, path?: string): void {
    this.#print({ type: 'error', ...errorObject(error, path) });
  }

  close(): void {}
}

const entriesPerPiece = 1000;

/** Yields the JSON of an array in pieces. */
function* jsonOfArray(entries: readonly unknown[]): Generator<string> {
  for (let start = 0; start < entries.length; start += entriesPerPiece) {
    const piece = JSON.stringify(entries.slice(start, start + entriesPerPiece));
    yield `${start === 0 ? '[' : ','}${piece.slice(1, -1)}`;
  }
  yield entries.length === 0 ? '[]' : ']';
}

/**
 * Prints an object as one line. Long arrays are printed in pieces, since the text of a million
 * errors may be longer than a string can be.
 */
function printObject(value: object, stream: NodeJS.WriteStream): void {
  const isLong = (field: unknown): field is unknown[] =>
    Array.isArray(field) && field.length > entriesPerPiece;
  const long = Object.entries(value).filter(([, field]) => isLong(field));
  const short = Object.entries(value).filter(([, field]) => !isLong(field));
  const text = JSON.stringify(Object.fromEntries(short));
  if (long.length === 0) return void stream.write(`${text}\n`);
  stream.write(text.slice(0, -1));
  for (const [name, entries] of long) {
    // The type of the line is never long.
    stream.write(`,${JSON.stringify(name)}:`);
    for (const piece of jsonOfArray(entries)) stream.write(piece);
  }
  stream.write('}\n');
}

export function makeOutput({ json, quiet = false, isPiped }: OutputOptions): Output {
  const results = isPiped ? process.stderr : process.stdout;
  return json ? new JsonOutput(quiet, results) : new TextOutput(quiet, results);
}
