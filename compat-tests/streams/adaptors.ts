import type { Readable as NodeReadable, Writable as NodeWritable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ReadableStream, type WritableStream } from 'node:stream/web';
import { pipelinePromise, Readable, type Writable } from 'streamx';
import * as fs from '../../lib/fs.js';
import * as streamx from '../../lib/streams/streamx.js';
import * as web from '../../lib/streams/web.js';

/** The kinds of streams that this package creates, and how they are connected. */

export const kinds = ['node', 'streamx', 'web'] as const;
export type Kind = (typeof kinds)[number];

export interface SourceOptions {
  unbuffered?: boolean;
  start?: number;
  end?: number;
}
export interface SinkOptions {
  unbuffered?: boolean;
  start?: number;
  flags?: string;
}

export type Source = NodeReadable | streamx.ReadStream | ReadableStream<Uint8Array>;
export type Sink = NodeWritable | streamx.WriteStream | WritableStream;

export function sourceOf(kind: Kind, file: string, options: SourceOptions = {}): Source {
  if (kind === 'node') return fs.createReadStream(file, options as object);
  if (kind === 'streamx') return streamx.createReadStream(file, options);
  return web.createReadableStream(file, options);
}

export function sinkOf(kind: Kind, file: string, options: SinkOptions = {}): Sink {
  if (kind === 'node') return fs.createWriteStream(file, options as object);
  if (kind === 'streamx') return streamx.createWriteStream(file, options);
  return web.createWritableStream(file, options);
}

function isWeb(stream: unknown): boolean {
  return 'getReader' in (stream as object) || 'getWriter' in (stream as object);
}

function isStreamx(stream: unknown): boolean {
  return typeof (stream as { _duplexState?: unknown })._duplexState === 'number';
}

/** Connects a source and a sink as a user of the source's kind would. */
export async function connect(source: Source, sink: Sink): Promise<void> {
  if (isStreamx(source)) {
    const readable = source as unknown as Readable;
    if (!isWeb(sink)) {
      await pipelinePromise(readable, sink as unknown as Writable);
      return;
    }
    const iterable = readable as AsyncIterable<unknown>;
    return ReadableStream.from(iterable).pipeTo(sink as WritableStream);
  }
  if (isWeb(source) && isWeb(sink)) {
    return (source as ReadableStream).pipeTo(sink as WritableStream);
  }
  if (isWeb(source) && isStreamx(sink)) {
    const readable = Readable.from(source as unknown as AsyncIterable<unknown>);
    await pipelinePromise(readable as Readable, sink as unknown as Writable);
    return;
  }
  return pipeline(source as NodeReadable, sink as NodeWritable);
}

/** Reads all bytes of a source. */
export async function bytesOf(source: Source | AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
