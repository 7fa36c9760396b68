import { endOf } from './file-size.js';
import type { SectorFile } from './transfer-file.js';

/** A window that writes to a file. */
export interface Writer {
  /** Resolves when the window has nothing in flight. */
  whenIdle(): Promise<void>;
  /** Resumes writes that waited while the file was cut. */
  resume(): void;
}

const files = new Map<string, PaddedFile>();

/**
 * An unbuffered file with all windows of this process that are writing to it. The padding of one
 * window is cut off, but bytes that another window has written after it must stay.
 */
export class PaddedFile {
  readonly #key: string;
  readonly #writers = new Set<Writer>();
  #cutting: Promise<void> | undefined;

  private constructor(key: string) {
    this.#key = key;
  }

  /** Returns the file of a handle, and its size; a block device has only a size. */
  static async of(
    handle: SectorFile,
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

  /** Whether nothing may be submitted; resume() is called when that ends. */
  get isBeingCut(): boolean {
    return this.#cutting !== undefined;
  }

  /** Removes a writer that has nothing in flight and will not write again. */
  leave(writer: Writer): void {
    const isLast = this.#writers.delete(writer) && this.#writers.size === 0;
    if (isLast) files.delete(this.#key);
  }

  /**
   * Cuts the file and syncs it, if it ends where only this writer can have made it end. Otherwise
   * others have extended or cut the file, and the padding has become a part of it.
   * @param isOurs whether this writer made the file end at a position
   */
  async cut(
    handle: SectorFile,
    writer: Writer,
    size: number,
    isOurs: (end: number) => boolean,
  ): Promise<void> {
    while (this.#cutting !== undefined) await this.#cutting;
    const cutting = this.#cut(handle, writer, size, isOurs);
    // Its error concerns only this writer.
    this.#cutting = cutting.catch(() => {});
    try {
      await cutting;
    } finally {
      this.#cutting = undefined;
      for (const other of this.#writers) other.resume();
    }
    await handle.sync();
  }

  async #cut(
    handle: SectorFile,
    writer: Writer,
    size: number,
    isOurs: (end: number) => boolean,
  ): Promise<void> {
    const others = [...this.#writers].filter((other) => other !== writer);
    await Promise.all(others.map((other) => other.whenIdle()));
    if (isOurs(await endOf(handle))) await handle.truncate(size);
  }
}
