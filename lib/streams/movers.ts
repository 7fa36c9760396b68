import type { StreamOpenOptions } from '../handle/open-options.js';
import type { WindowOptions } from '../transfer/window.js';
import { type NodeWriteStream, WrittenWhole } from './first-bytes.js';
import type { GivenHandle, HeldFile } from './held-file.js';
import { type Mover, NodeFile } from './node-file.js';
import { type AfterSource, type NodeReadStream, ReadSource } from './read-source.js';
import type { WritingMethods } from './text-chunks.js';
import { fitsInChunk, WholeRead } from './whole-read.js';
import { WriteSink } from './write-sink.js';

// What a stream of node:stream needs once there is one. The build loads this module and all that it
// imports when one of these functions is first called, so they make the objects.

/** Makes the file of a stream. */
export function nodeFileOf(
  file: StreamOpenOptions | GivenHandle,
  stream: { readonly closed: boolean },
): NodeFile {
  return new NodeFile(file, stream);
}

/** Makes the source of a stream that reads ahead. */
export function readSourceOf(
  stream: NodeReadStream,
  file: HeldFile,
  window: WindowOptions,
  after: AfterSource,
): ReadSource {
  return new ReadSource(stream, file, window, after);
}

/**
 * Makes the source of a stream that gets its file in one chunk; undefined if the file does not fit.
 * @param chunkSize bytes
 */
export function wholeReadOf(
  stream: NodeReadStream,
  file: HeldFile,
  window: WindowOptions,
  chunkSize: number,
  after: AfterSource,
): WholeRead | undefined {
  return fitsInChunk(stream, file, window, chunkSize)
    ? new WholeRead(stream, file, after)
    : undefined;
}

/** Makes the sink of a stream. */
export function writeSinkOf(
  stream: NodeWriteStream,
  file: HeldFile,
  window: WindowOptions,
  own: WritingMethods,
): WriteSink {
  return new WriteSink(stream, file, window, own);
}

/**
 * Makes the sink of a stream whose first bytes were written when its file was opened.
 * @param file the file; it has no handle if it has been closed, with all bytes of the stream
 */
export function sinkAfterOpening(
  stream: NodeWriteStream,
  file: HeldFile,
  window: WindowOptions,
  own: WritingMethods,
  bytes: number,
): Mover {
  if (file.handle === undefined) return new WrittenWhole(stream, bytes);
  return new WriteSink(stream, file, window, own, bytes);
}
