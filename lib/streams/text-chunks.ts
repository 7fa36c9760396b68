import { Buffer } from 'node:buffer';
import type * as fs from 'node:fs';
import { isUint8Array } from 'node:util/types';
import { invalidArgType } from '../node/errors.js';

/**
 * Strings that a stream keeps as they are until they are written. Node turns each string into a
 * Buffer, which costs more than everything else about a small write. Strings of ASCII characters
 * have as many bytes as characters, so a stream counts them alike, and many of them are encoded at
 * once.
 */

/** Bytes, or a string of ASCII characters. */
export type Chunk = Uint8Array | string;

/** Our methods that write and end a file. The class of a program may have others. */
export type WritingMethods = Record<'_write' | '_writev' | '_final' | '_destroy', unknown>;

/** Whether what is written reaches our methods as the program has passed it to the stream. */
export function passesUnchanged(
  stream: Pick<fs.WriteStream, '_write' | '_writev'>,
  own: WritingMethods,
): boolean {
  return stream._write === own._write && stream._writev === own._writev;
}

/** Longer strings gain nothing. */
const textMax = 8 * 1024;

/** The members of the state of Node's class that are used here, which are not documented. */
interface State {
  readonly writing?: boolean;
  readonly constructed?: boolean;
  readonly corked?: number;
  readonly objectMode?: boolean;
  readonly defaultEncoding?: unknown;
  /** Whether the stream encodes strings. */
  decodeStrings?: boolean;
}
interface WithState {
  readonly _writableState?: State;
}

function isUtf8(encoding: unknown): boolean {
  return encoding === 'utf8' || encoding === 'utf-8';
}

// A chunk that waits is only kept: no other code runs before the call returns.
function isKept({ writing, constructed, corked = 0 }: State): boolean {
  return writing === true || constructed === false || corked > 0;
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}

/** Whether a stream may keep a chunk as a string. */
function keepsText(
  stream: fs.WriteStream,
  state: State | undefined,
  text: string,
  encoding: unknown,
  own: WritingMethods,
): state is State {
  return (
    state?.decodeStrings === true &&
    text.length <= textMax &&
    isKept(state) &&
    state.objectMode !== true &&
    isUtf8(encoding || state.defaultEncoding) &&
    passesUnchanged(stream, own) &&
    isAscii(text)
  );
}

type Write = (this: object, chunk: unknown, encoding: unknown, done?: unknown) => boolean;

/**
 * Calls write() of Node's class, and lets it keep a short string that has to wait as it is.
 * @param encoding may be a callback
 * @param write method of Node's class
 * @param own our methods of the stream
 */
export function writeChunk(
  stream: fs.WriteStream,
  chunk: unknown,
  encoding: unknown,
  done: unknown,
  write: Write,
  own: WritingMethods,
): boolean {
  if (typeof chunk !== 'string') return write.call(stream, chunk, encoding, done);
  const state = (stream as WithState)._writableState;
  const given = typeof encoding === 'function' ? undefined : encoding;
  if (!keepsText(stream, state, chunk, given, own)) {
    return write.call(stream, chunk, encoding, done);
  }
  state.decodeStrings = false;
  try {
    return write.call(stream, chunk, encoding, done);
  } finally {
    state.decodeStrings = true;
  }
}

/**
 * Returns the number of bytes of chunks.
 * @param isText whether strings are allowed
 * @throws ERR_INVALID_ARG_TYPE for other types
 */
export function lengthOf(chunks: readonly unknown[], isText: boolean): number {
  let length = 0;
  for (const chunk of chunks) {
    if (isUint8Array(chunk)) length += chunk.byteLength;
    else if (isText && typeof chunk === 'string' && isAscii(chunk)) length += chunk.length;
    else throw invalidArgType('chunk', 'an instance of Buffer or Uint8Array', chunk);
  }
  return length;
}

export function bytesOf(chunk: Chunk): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk;
}

/** Returns what follows the first bytes of several chunks. */
export function chunksBehind(chunks: readonly Chunk[], bytes: number): Chunk[] {
  const left: Chunk[] = [];
  let skipped = bytes;
  for (const chunk of chunks) {
    const { length } = chunk;
    if (skipped < length) {
      left.push(typeof chunk === 'string' ? chunk.slice(skipped) : chunk.subarray(skipped));
    }
    skipped = Math.max(0, skipped - length);
  }
  return left;
}

/** Puts chunks together in memory that has room for them. */
export function join(chunks: readonly Chunk[], memory: Buffer): void {
  let at = 0;
  let text = '';
  for (const chunk of chunks) {
    if (typeof chunk === 'string') {
      text += chunk;
    } else {
      if (text !== '') at += memory.write(text, at, 'latin1');
      text = '';
      memory.set(chunk, at);
      at += chunk.byteLength;
    }
  }
  if (text !== '') memory.write(text, at, 'latin1');
}

interface Waiting {
  chunk: unknown;
  encoding: unknown;
}

/** Encodes the strings among the chunks that a stream has kept. */
export function encodeKept(stream: fs.WriteStream, waiting: readonly Waiting[]): void {
  if (stream.writableObjectMode) return;
  for (const entry of waiting) {
    if (typeof entry.chunk !== 'string' || !isAscii(entry.chunk)) continue;
    entry.chunk = Buffer.from(entry.chunk, 'latin1');
    entry.encoding = 'buffer';
  }
}
