import type { FileHandle } from '../file-handle/file-handle.js';
import { endOf } from '../handle/file-size.js';

/** Who writes to a file. */
export interface Writer {
  /** Resolves when it has nothing in flight. */
  whenIdle(): Promise<void>;
  /** Goes on with writes that have waited while the file was cut. */
  resume(): void;
}

const files = new Map<string, PaddedFile>();

/**
 * An unbuffered file, known by all that write to it at a time in this process: what one has padded
 * is cut, and the bytes that another has behind it must not be.
 */
export class PaddedFile {
  readonly #key: string;
  readonly #writers = new Set<Writer>();
  #cutting: Promise<void> | undefined;

  private constructor(key: string) {
    this.#key = key;
  }

  /** The file of a handle, and its size. */
  static async of(
    handle: FileHandle,
    writer: Writer,
  ): Promise<{ file: PaddedFile | undefined; size: number }> {
    if (handle.deviceType === 'block') return { file: undefined, size: await endOf(handle) };
    const { dev, ino, size } = await handle.stat({ bigint: true });
    const key = `${dev}:${ino}`;
    const file = files.get(key) ?? new PaddedFile(key);
    files.set(key, file);
    file.#writers.add(writer);
    return { file, size: Number(size) };
  }

  /** Whether nothing may be submitted; resume() is called then. */
  get isBeingCut(): boolean {
    return this.#cutting !== undefined;
  }

  /** The writer has nothing in flight, and will not have. */
  leave(writer: Writer): void {
    const isLast = this.#writers.delete(writer) && this.#writers.size === 0;
    if (isLast) files.delete(this.#key);
  }

  /**
   * Cuts the file and syncs it, if it still ends where this writer has padded it. If not, the
   * padding is a part of the file, which others have made longer or cut.
   */
  async cut(handle: FileHandle, writer: Writer, paddedEnd: number, size: number): Promise<void> {
    while (this.#cutting !== undefined) await this.#cutting;
    const cutting = this.#cut(handle, writer, paddedEnd, size);
    // What it fails with is for this writer alone.
    this.#cutting = cutting.catch(() => {});
    try {
      await cutting;
    } finally {
      this.#cutting = undefined;
      for (const other of this.#writers) other.resume();
    }
    await handle.sync();
  }

  async #cut(handle: FileHandle, writer: Writer, paddedEnd: number, size: number): Promise<void> {
    const others = [...this.#writers].filter((other) => other !== writer);
    await Promise.all(others.map((other) => other.whenIdle()));
    if ((await endOf(handle)) === paddedEnd) await handle.truncate(size);
  }
}
