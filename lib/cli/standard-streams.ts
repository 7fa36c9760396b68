import { Buffer } from 'node:buffer';
import { Writable } from 'node:stream';
import type { CopyDestination, CopySource } from '../copy/stream-ends.js';
import { readDescriptor, servesDescriptors, writeDescriptor } from '../functions/descriptor-io.js';
import { codeOf } from './failure.js';

/** The argument that stands for standard input or output. A file of this name is `./-`. */
export const standardStream = '-';

const inputDescriptor = 0;
const outputDescriptor = 1;
// More than a pipe holds.
const chunkSize = 256 * 1024;

// The engine reads and writes, since a write of process.stdout to a pipe holds up signals, and a
// read that waits can be canceled.

async function* readInput(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const object = Buffer.allocUnsafeSlow(chunkSize);
    const place = { fd: inputDescriptor, object, offset: 0, length: chunkSize, position: -1 };
    let bytes: number;
    try {
      bytes = await readDescriptor({ ...place, signal });
    } catch (error) {
      // Whoever opened it made it nonblocking.
      if (codeOf(error) !== 'EAGAIN') throw error;
      yield* process.stdin;
      return;
    }
    if (bytes === 0) return;
    yield object.subarray(0, bytes);
  }
}

async function writeOutput(object: Uint8Array, signal: AbortSignal): Promise<void> {
  for (let offset = 0; offset < object.byteLength; ) {
    const length = object.byteLength - offset;
    const place = { fd: outputDescriptor, object, offset, length, position: -1 };
    offset += await writeDescriptor({ ...place, signal });
  }
}

/** Standard output for copy(); its end leaves the descriptor open. */
class Output extends Writable {
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    super({ highWaterMark: chunkSize });
    this.#signal = signal;
  }

  override _write(
    chunk: Uint8Array,
    _encoding: BufferEncoding,
    done: (error?: Error | null) => void,
  ): void {
    writeOutput(chunk, this.#signal).then(() => done(), done);
  }
}

/** Returns the source that an argument of the command names. */
export function sourceOf(argument: string, signal: AbortSignal): CopySource {
  if (argument !== standardStream) return argument;
  return servesDescriptors ? readInput(signal) : process.stdin;
}

/** Returns the destination that an argument of the command names. */
export function destinationOf(argument: string, signal: AbortSignal): CopyDestination {
  if (argument !== standardStream) return argument;
  return servesDescriptors ? new Output(signal) : process.stdout;
}
