import { Buffer } from 'node:buffer';
import type { Completion } from '../engine/completion.js';
import { getEngine } from '../engine/engine.js';
import { readAloneMax } from '../engine/native.js';
import { Opcode } from '../engine/opcodes.js';
import { complete, decodeValue, type WithObject } from '../engine/operation.js';
import { type TransferOpcode, transfer, transferWhole } from '../engine/requests.js';
import {
  afterMoving,
  fileClosed,
  invalidArgType,
  invalidArgValue,
  outOfRange,
} from '../node/errors.js';
import { noOptions, ownOptions } from '../node/own-options.js';
import {
  validateBuffer,
  validateInteger,
  validateObject,
  validatePosition,
  validateSignal,
} from '../node/validate.js';
import { addressAt } from '../transfer/aligned-buffer.js';
import { type Alignment, checkAligned } from '../transfer/alignment.js';
import type { ReadableFile } from '../transfer/transfer-file.js';
import { readUnaligned } from '../transfer/unaligned-io.js';
import type { Cursor } from './cursor.js';
import type { OpenFile } from './open-file.js';
import {
  advance,
  bytesOfView,
  nativeView,
  type Position,
  placeOf,
  type ReadOptions,
  type ReadResult,
  readResult,
  type TransferOptions,
  transferMax,
  type WriteResult,
  writeResult,
} from './transfer-result.js';

const defaultReadSize = 16384;
const readSubject = { syscall: 'read' };
const writeSubject = { syscall: 'write' };

type AnyRead = ReadResult<ArrayBufferView>;
type AnyWrite = WriteResult<ArrayBufferView>;
type Moved = AnyRead | AnyWrite;

function decodeRead({ value }: Completion, operation: WithObject): AnyRead {
  return readResult(value, operation.object as ArrayBufferView);
}
function decodeWrite({ value }: Completion, operation: WithObject): AnyWrite {
  return writeResult(value, operation.object as ArrayBufferView);
}
function bytesOfResult(result: Moved): number {
  return 'bytesRead' in result ? result.bytesRead : result.bytesWritten;
}

/** Reads and writes one buffer of an open file. */
export class Transfers implements ReadableFile {
  readonly #file: OpenFile;
  readonly #cursor: Cursor;

  constructor(file: OpenFile, cursor: Cursor) {
    this.#file = file;
    this.#cursor = cursor;
  }

  get alignment(): Alignment | null {
    return this.#file.alignment;
  }

  /** Implements all forms of FileHandle.read(). */
  read(
    bufferOrOptions?: ArrayBufferView | ReadOptions<ArrayBufferView> | null,
    offsetOrOptions?: number | TransferOptions | null,
    length?: number | null,
    position?: Position,
  ): Promise<AnyRead> {
    try {
      this.#file.checkOpen('read');
      let buffer = bufferOrOptions as ArrayBufferView;
      let options = offsetOrOptions;
      if (!ArrayBuffer.isView(buffer)) {
        if (bufferOrOptions != null) validateObject(bufferOrOptions, 'options');
        options = ownOptions(bufferOrOptions ?? noOptions) as ReadOptions<ArrayBufferView>;
        buffer = (options as ReadOptions<ArrayBufferView>).buffer ?? Buffer.alloc(defaultReadSize);
        validateBuffer(buffer);
      }
      let offset: number | null | undefined;
      let signal: AbortSignal | undefined;
      if (options !== null && typeof options === 'object') {
        ({ offset, length, position, signal } = ownOptions(options));
        validateSignal(signal);
      } else {
        offset = options;
      }
      return this.#read(buffer, offset, length, position, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #read(
    buffer: ArrayBufferView,
    givenOffset: number | null | undefined,
    givenLength: number | null | undefined,
    givenPosition: Position | undefined,
    signal: AbortSignal | undefined,
  ): Promise<AnyRead> {
    const offset = givenOffset ?? 0;
    validateInteger(offset, 'offset', 0);
    const size = buffer.byteLength;
    const length = givenLength == null ? size - offset : toLength(givenLength);
    if (length === 0) return Promise.resolve(readResult(0, buffer));
    if (size === 0) {
      throw invalidArgValue('buffer', buffer, 'is empty and cannot be written');
    }
    if (length < 0) throw outOfRange('length', '>= 0', length);
    if (offset + length > size) throw outOfRange('length', `<= ${size - offset}`, length);
    if (givenPosition != null) validatePosition(givenPosition, length);
    const position = placeOf(givenPosition);
    this.#file.checkReadable();
    return this.#transfer(
      Opcode.read,
      buffer,
      offset,
      length,
      position,
      signal,
    ) as Promise<AnyRead>;
  }

  /** Implements all forms of FileHandle.write(). */
  write(
    data: ArrayBufferView | string,
    offsetOrOptions?: Position | TransferOptions,
    lengthOrEncoding?: number | BufferEncoding | null,
    position?: Position,
  ): Promise<WriteResult<ArrayBufferView | string>> {
    try {
      this.#file.checkOpen('write');
      if (!ArrayBuffer.isView(data)) {
        return this.#writeString(data, offsetOrOptions as Position, lengthOrEncoding);
      }
      if (data.byteLength === 0) return Promise.resolve(writeResult(0, data));
      // As in Node, null stands for options, and the arguments after it are ignored.
      if (typeof offsetOrOptions === 'object') {
        const given = ownOptions(offsetOrOptions ?? noOptions) as TransferOptions;
        const { offset, length, position: place, signal } = given;
        validateSignal(signal);
        return this.#write(data, offset, length, place, signal);
      }
      const offset = offsetOrOptions as number;
      const length = lengthOrEncoding as number;
      return this.#write(data, offset, length, position, undefined);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #write(
    buffer: ArrayBufferView,
    givenOffset: number | null | undefined,
    givenLength: number | null | undefined,
    givenPosition: Position | undefined,
    signal: AbortSignal | undefined,
  ): Promise<AnyWrite> {
    const offset = givenOffset ?? 0;
    validateInteger(offset, 'offset', 0);
    const size = buffer.byteLength;
    // As in Node, a length that is not a number means the rest of the buffer, and a position that
    // is not a number means the cursor.
    const length = typeof givenLength === 'number' ? givenLength : size - offset;
    const position = placeOf(givenPosition);
    if (offset > size) throw outOfRange('offset', `<= ${size}`, offset);
    if (length > size - offset) throw outOfRange('length', `<= ${size - offset}`, length);
    if (length < 0) throw outOfRange('length', '>= 0', length);
    validateInteger(length, 'length', 0);
    if (position !== -1) validatePosition(position, length);
    if (length === 0) {
      this.#file.checkEmptyTransfer(true);
      return Promise.resolve(writeResult(0, buffer));
    }
    const { write } = Opcode;
    return this.#transfer(write, buffer, offset, length, position, signal) as Promise<AnyWrite>;
  }

  async #writeString(
    data: unknown,
    position: Position | undefined,
    encoding: unknown,
  ): Promise<WriteResult<string>> {
    if (typeof data !== 'string') {
      const expected = 'of type string or an instance of Buffer, TypedArray, or DataView';
      throw invalidArgType('buffer', expected, data);
    }
    const buffer = bytesOfString(data, encoding);
    if (buffer.byteLength === 0) {
      this.#file.checkEmptyTransfer(true);
      return writeResult(0, data);
    }
    const { bytesWritten } = await this.#write(buffer, 0, null, position, undefined);
    return writeResult(bytesWritten, data);
  }

  #transfer(
    opcode: TransferOpcode,
    buffer: ArrayBufferView,
    offset: number,
    length: number,
    position: number | bigint,
    signal: AbortSignal | undefined,
  ): Promise<Moved> {
    const write = opcode === Opcode.write;
    if (!this.#cursor.serves(write, position)) {
      return this.#submit(opcode, buffer, offset, length, position, signal);
    }
    return this.#cursor.transfer<Moved>(write, async (place) => {
      if (!write && this.#cursor.isWithinSector(place)) {
        const target = bytesOfView(buffer).subarray(offset, offset + length);
        const bytesRead = await readUnaligned(this, target, place, signal);
        return { bytes: bytesRead, result: readResult(bytesRead, buffer) };
      }
      const result = await this.#submit(opcode, buffer, offset, length, place, signal);
      return { bytes: bytesOfResult(result), result };
    });
  }

  #submit(
    opcode: TransferOpcode,
    buffer: ArrayBufferView,
    offset: number,
    length: number,
    position: number | bigint,
    signal: AbortSignal | undefined,
  ): Promise<Moved> {
    const { alignment, number: file, holds } = this.#file;
    const write = opcode === Opcode.write;
    if (this.#file.isClosed) return Promise.reject(fileClosed(write ? 'write' : 'read'));
    if (alignment !== null) {
      checkAligned('position', position, alignment.position);
      checkMemory(buffer, offset, length, alignment);
    }
    if (length > transferMax) {
      return holds.during(() => this.#split(opcode, buffer, offset, length, position, signal));
    }
    const subject = write ? writeSubject : readSubject;
    const engine = getEngine();
    const memory = nativeView(buffer);
    if (signal === undefined && memory === buffer) {
      const decode = write ? decodeWrite : decodeRead;
      const owner = this.#file;
      return engine.transfer<Moved>(
        opcode,
        subject,
        decode,
        owner,
        file,
        buffer,
        offset,
        length,
        position,
      );
    }
    return engine.submit<Moved>({
      ...transfer(opcode, { memory, offset, length, position }),
      subject,
      decode: write
        ? ({ value }) => writeResult(value, buffer)
        : ({ value }) => readResult(value, buffer),
      file,
      owner: [this.#file, buffer],
      signal,
    });
  }

  async #split(
    opcode: TransferOpcode,
    buffer: ArrayBufferView,
    offset: number,
    length: number,
    position: number | bigint,
    signal: AbortSignal | undefined,
  ): Promise<Moved> {
    let moved = 0;
    while (moved < length) {
      const part = Math.min(length - moved, transferMax);
      const place = position === -1 ? -1 : advance(position, moved);
      const transfer = this.#submit(opcode, buffer, offset + moved, part, place, signal);
      const result = await transfer.catch((error) => {
        throw moved === 0 ? error : afterMoving(error);
      });
      const bytes = bytesOfResult(result);
      moved += bytes;
      if (bytes < part) break;
    }
    return opcode === Opcode.write ? writeResult(moved, buffer) : readResult(moved, buffer);
  }

  // ---- For ReadAhead and WriteBehind: the arguments must be valid and aligned.

  /** Reads at a position, even if the caller of open() requested only writing. */
  readAt(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
    signal?: AbortSignal,
  ): Promise<number> {
    return this.#move(Opcode.read, buffer, offset, length, position, signal);
  }

  /** Writes at a position, even in append mode. */
  writeAt(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
    signal?: AbortSignal,
  ): Promise<number> {
    return this.#move(Opcode.write, buffer, offset, length, position, signal);
  }

  // Returns bytes without an object around them.
  #move(
    opcode: TransferOpcode,
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
    signal?: AbortSignal,
  ): Promise<number> {
    const file = this.#file;
    const isSplit = file.alignment !== null || length > transferMax || file.isClosed;
    if (signal !== undefined || isSplit) {
      return this.#submit(opcode, buffer, offset, length, position, signal).then(bytesOfResult);
    }
    const engine = getEngine();
    const { number } = file;
    if (opcode === Opcode.read && length <= readAloneMax && offset === 0) {
      const encoded = transferWhole(opcode, number, buffer, length, position);
      return engine.start<number>(complete(encoded, readSubject, decodeValue, undefined, file));
    }
    const subject = opcode === Opcode.write ? writeSubject : readSubject;
    return engine.transfer<number>(
      opcode,
      subject,
      decodeValue,
      file,
      number,
      buffer,
      offset,
      length,
      position,
    );
  }
}

/** @throws AlignmentError */
export function checkMemory(
  buffer: ArrayBufferView,
  offset: number,
  length: number,
  alignment: Alignment,
): void {
  checkAligned('length', length, alignment.length);
  checkAligned('address', addressAt(buffer, offset), alignment.memory);
}

// As in Node's write(), an odd number of hex digits is refused, and an unknown encoding is utf8.
function bytesOfString(data: string, encoding: unknown): Buffer {
  const known = typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : 'utf8';
  if (known.toLowerCase() === 'hex' && data.length % 2 !== 0) {
    throw invalidArgValue('encoding', encoding, `is invalid for data of length ${data.length}`);
  }
  return Buffer.from(data, known);
}

function toLength(value: unknown): number {
  const number = Math.trunc(Number(value));
  return Number.isFinite(number) ? number : 0;
}
