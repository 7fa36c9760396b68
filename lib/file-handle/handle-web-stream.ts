import { Buffer } from 'node:buffer';
import process from 'node:process';
import { ReadableStream } from 'node:stream/web';
import type { CoreHandle } from '../handle/core-handle.js';
import type { PublicHandle } from '../handle/public-handle.js';
import { invalidArgType } from '../node/errors.js';
import { nodeMajor } from '../node/node-fs.js';
import { ownOptions } from '../node/own-options.js';
import { validateBoolean, validateObject } from '../node/validate.js';
import { byteStreamOf } from '../streams/web-streams.js';

export interface ReadableWebStreamOptions {
  /** 'bytes'. Since Node 22 other values have no effect; before, they make chunks ArrayBuffers. */
  type?: 'bytes' | undefined;
  /** Closes the handle when the stream has ended or is canceled. Default false. */
  autoClose?: boolean | undefined;
}

const chunkSize = 16384;

/** Resolves once the handle has been released. */
type Finish = () => Promise<void>;

function holdForStream(handle: CoreHandle, autoClose: boolean, onClosing: () => void): Finish {
  const release = handle.hold(() => {
    onClosing();
    release();
  });
  return async () => {
    release();
    if (autoClose) await handle.close();
  };
}

function arrayBufferStream(handle: CoreHandle, autoClose: boolean): ReadableStream {
  let ended = false;
  let finish: Finish;
  return new ReadableStream<ArrayBufferLike>({
    start(controller) {
      finish = holdForStream(handle, autoClose, () => {
        if (!ended) controller.close();
        ended = true;
      });
    },
    async pull(controller) {
      const reading = handle.read(Buffer.allocUnsafeSlow(chunkSize));
      const { bytesRead, buffer } = await reading.catch(async (error) => {
        // A failed stream releases the handle, which otherwise could not be closed.
        ended = true;
        await finish();
        throw error;
      });
      if (ended) return;
      if (bytesRead > 0) return controller.enqueue(buffer.buffer.slice(0, bytesRead));
      ended = true;
      controller.close();
      await finish();
    },
    async cancel() {
      ended = true;
      await finish();
    },
  });
}

/** Implements FileHandle.readableWebStream(). */
export function readableStreamOf(
  handle: PublicHandle,
  core: CoreHandle,
  options: ReadableWebStreamOptions,
): ReadableStream {
  validateObject(options, 'options');
  const { type, autoClose = false } = ownOptions(options);
  validateBoolean(autoClose, 'options.autoClose');
  if (nodeMajor < 22) {
    if (type !== undefined && typeof type !== 'string') {
      throw invalidArgType('options.type', 'of type string', type);
    }
    if (type !== 'bytes') return arrayBufferStream(core, autoClose);
  } else if (type !== undefined && type !== 'bytes') {
    process.emitWarning(
      // The misspelling is Node's.
      'A non-"bytes" options.type has no effect. A byte-oriented steam is always created.',
      'ExperimentalWarning',
    );
  }
  const readAhead = { chunkSize };
  return byteStreamOf(null, { fd: handle, autoClose, readAhead }, true);
}
