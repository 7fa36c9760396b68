import { getEngine } from '../engine/engine.js';
import { Opcode } from '../engine/opcodes.js';
import { decodeValue } from '../engine/operation.js';
import { transferVectors, type VectorOpcode } from '../engine/requests.js';
import { afterMoving, systemErrorOf } from '../node/errors.js';
import { validateBuffers, validatePosition } from '../node/validate.js';
import { checkAligned } from '../transfer/alignment.js';
import type { ReadableFile } from '../transfer/transfer-file.js';
import { readUnaligned } from '../transfer/unaligned-io.js';
import type { Cursor } from './cursor.js';
import type { OpenFile } from './open-file.js';
import {
  advance,
  bytesOfView,
  type Position,
  placeOf,
  type ReadVectorResult,
  readVectorResult,
  transferMax,
  type WriteVectorResult,
  writeVectorResult,
} from './transfer-result.js';
import { checkMemory } from './transfers.js';
import { type VectorGroup, vectorGroups } from './vector-groups.js';

// The system accepts 1,024 buffers at once (IOV_MAX).
const limits = { countMax: 1024, bytesMax: transferMax };
const readSubject = { syscall: 'read' };
const writeSubject = { syscall: 'write' };

/** Reads and writes several buffers of an open file. */
export class VectorTransfers {
  readonly #file: OpenFile;
  readonly #cursor: Cursor;
  readonly #readable: ReadableFile;

  /** @param readable the same file, for reads that are not aligned */
  constructor(file: OpenFile, cursor: Cursor, readable: ReadableFile) {
    this.#file = file;
    this.#cursor = cursor;
    this.#readable = readable;
  }

  /** Implements FileHandle.readv(). */
  async readv<T extends readonly ArrayBufferView[]>(
    buffers: T,
    position?: Position,
  ): Promise<ReadVectorResult<T>> {
    this.#file.checkOpen('readv');
    validateBuffers(buffers);
    // libuv reads into at least one buffer.
    if (buffers.length === 0) throw systemErrorOf('EINVAL', readSubject);
    this.#file.checkReadable();
    return readVectorResult(await this.#move(Opcode.readVector, buffers, position), buffers);
  }

  /** Implements FileHandle.writev(). */
  async writev<T extends readonly ArrayBufferView[]>(
    buffers: T,
    position?: Position,
  ): Promise<WriteVectorResult<T>> {
    this.#file.checkOpen('writev');
    validateBuffers(buffers);
    return writeVectorResult(await this.#move(Opcode.writeVector, buffers, position), buffers);
  }

  async #move(
    opcode: VectorOpcode,
    buffers: readonly ArrayBufferView[],
    givenPosition: Position | undefined,
  ): Promise<number> {
    const groups = vectorGroups(buffers, limits);
    if (groups.length === 0) {
      if (buffers.length > 0) this.#file.checkEmptyTransfer(opcode === Opcode.writeVector);
      return 0;
    }
    const position = placeOf(givenPosition);
    if (position !== -1) validatePosition(position, 0);
    const move = (): Promise<number> => this.#moveGroups(opcode, groups, position);
    return groups.length > 1 ? this.#file.holds.during(move) : move();
  }

  async #moveGroups(
    opcode: VectorOpcode,
    groups: readonly VectorGroup[],
    position: number | bigint,
  ): Promise<number> {
    let bytes = 0;
    for (const { views, length } of groups) {
      const place = position === -1 ? -1 : advance(position, bytes);
      const moved = await this.moveOnce(opcode, views, length, place).catch((error) => {
        throw bytes === 0 ? error : afterMoving(error);
      });
      bytes += moved;
      if (moved < length) break;
    }
    return bytes;
  }

  /** Transfers the buffers of one system call. @param position bytes, or -1 for the cursor */
  moveOnce(
    opcode: VectorOpcode,
    views: readonly ArrayBufferView[],
    length: number,
    position: number | bigint,
    signal?: AbortSignal,
  ): Promise<number> {
    const write = opcode === Opcode.writeVector;
    const submit = (place: number | bigint): Promise<number> => {
      this.#checkAlignment(views, place);
      return getEngine().submit<number>({
        ...transferVectors(opcode, { buffers: views.map(bytesOfView), length, position: place }),
        subject: write ? writeSubject : readSubject,
        decode: decodeValue,
        file: this.#file.number,
        owner: [this.#file, views],
        signal,
      });
    };
    if (!this.#cursor.serves(write, position)) return submit(position);
    return this.#cursor.transfer(write, async (place) => {
      const bytes =
        !write && this.#cursor.isWithinSector(place)
          ? await this.#readUnaligned(views, place, signal)
          : await submit(place);
      return { bytes, result: bytes };
    });
  }

  async #readUnaligned(
    views: readonly ArrayBufferView[],
    place: number,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    let filled = 0;
    for (const view of views) {
      const target = bytesOfView(view);
      const bytes = await readUnaligned(this.#readable, target, place + filled, signal);
      filled += bytes;
      if (bytes < target.byteLength) break;
    }
    return filled;
  }

  #checkAlignment(views: readonly ArrayBufferView[], position: number | bigint): void {
    const { alignment } = this.#file;
    if (alignment === null) return;
    checkAligned('position', position, alignment.position);
    for (const view of views) checkMemory(view, 0, view.byteLength, alignment);
  }
}
