import fs from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { blockSize } from './bench-file.mjs';

// Reads between two looks at the clock.
const readsPerLook = 32;
// Reads of the readSync loop between two turns of the event loop.
const syncReadsPerTurn = 256;

/** The positions that all lanes of one run read, and whether the bytes are right. */
class Reads {
  done = 0;
  over = false;
  #deadline;
  #length;
  #places;
  #state = 0x9e3779b9;

  constructor(deadline, fileSize, length) {
    this.#deadline = deadline;
    this.#length = length;
    this.#places = Math.floor(fileSize / length);
  }

  /** A random place, by xorshift. */
  nextPosition() {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return ((state >>> 0) % this.#places) * this.#length;
  }

  check(buffer, bytesRead, position) {
    const block = position / blockSize;
    if (bytesRead !== this.#length || buffer.readUInt32LE(0) !== block) {
      throw new Error(`Wrong bytes at ${position}: ${bytesRead} read`);
    }
    if (++this.done % readsPerLook === 0) this.over = performance.now() > this.#deadline;
  }
}

async function promiseLane(handle, reads, ownBuffer, length) {
  while (!reads.over) {
    const position = reads.nextPosition();
    const { bytesRead, buffer } = await handle.read(ownBuffer, 0, length, position);
    reads.check(buffer, bytesRead, position);
  }
}

function callbackLane(fd, reads, ownBuffer, length) {
  return new Promise((resolve, reject) => {
    let position = 0;
    const next = () => {
      position = reads.nextPosition();
      fs.read(fd, ownBuffer, 0, length, position, onRead);
    };
    const onRead = (error, bytesRead, buffer) => {
      if (error) return reject(error);
      try {
        reads.check(buffer, bytesRead, position);
      } catch (mistake) {
        return reject(mistake);
      }
      if (reads.over) resolve();
      else next();
    };
    next();
  });
}

/**
 * Runs of reads at random places, each with a Buffer per read in flight that is used again.
 * @param {{ fileSize: number, buffers: Buffer[] }} subject the length of a read is a buffer's
 */
export function promiseRun(handle, { fileSize, buffers }) {
  return (deadline) =>
    runLanes(deadline, fileSize, buffers, (reads, buffer) =>
      promiseLane(handle, reads, buffer, buffer.byteLength),
    );
}

export function callbackRun(fd, { fileSize, buffers }) {
  return (deadline) =>
    runLanes(deadline, fileSize, buffers, (reads, buffer) =>
      callbackLane(fd, reads, buffer, buffer.byteLength),
    );
}

export function syncRun(fd, { fileSize, buffers: [buffer] }) {
  const length = buffer.byteLength;
  return async (deadline) => {
    const reads = new Reads(deadline, fileSize, length);
    while (!reads.over) {
      for (let count = 0; count < syncReadsPerTurn && !reads.over; count++) {
        const position = reads.nextPosition();
        reads.check(buffer, fs.readSync(fd, buffer, 0, length, position), position);
      }
      await turn();
    }
    return reads.done;
  };
}

async function runLanes(deadline, fileSize, buffers, lane) {
  const reads = new Reads(deadline, fileSize, buffers[0].byteLength);
  await Promise.all(buffers.map((buffer) => lane(reads, buffer)));
  return reads.done;
}
