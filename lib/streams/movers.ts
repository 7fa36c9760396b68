import type { StreamOpenOptions } from '../handle/open-options.js';
import type { WindowOptions } from '../transfer/window.js';
import type { GivenHandle, HeldFile } from './held-file.js';
import { NodeFile } from './node-file.js';
import { type FailStream, type NodeReadStream, ReadSource } from './read-source.js';
import { type AfterWholeRead, fitsInChunk, WholeRead } from './whole-read.js';
import { type NodeWriteStream, WriteSink } from './write-sink.js';

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
  fail: FailStream,
): ReadSource {
  return new ReadSource(stream, file, window, fail);
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
  after: AfterWholeRead,
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
): WriteSink {
  return new WriteSink(stream, file, window);
}
