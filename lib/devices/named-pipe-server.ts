import * as fs from 'node:fs';
import { getEngine } from '../engine/engine.js';
import { PipeFlag } from '../engine/opcodes.js';
import { decodeNothing } from '../engine/operation.js';
import {
  configurePipeEnd,
  connectPipeClient,
  createPipeInstanceAt,
  disconnectPipeClient,
} from '../engine/requests.js';
import { FileHandle } from '../file-handle/file-handle.js';
import type { CoreHandle } from '../handle/core-handle.js';
import { requireCore } from '../handle/core-of.js';
import { openBy } from '../handle/open.js';
import { decodeOpened } from '../handle/opened-file.js';
import { abortError, invalidArgValue, systemErrorOf, unavailable } from '../node/errors.js';
import { AbortController, AbortSignal } from '../node/globals.js';
import type { ParsedPath } from '../node/paths.js';
import {
  validateBoolean,
  validateInteger,
  validateObject,
  validateSignal,
} from '../node/validate.js';
import { isWindows, parseDeviceName, type SignalOptions } from './names.js';
import { type PipeOptions, parseBufferSize } from './pipe.js';
import {
  accessOfDirection,
  checkDirection,
  openPipe,
  type PipeDirection,
} from './pipe-direction.js';

/** Options of createNamedPipe(). */
export interface NamedPipeOptions extends PipeOptions, SignalOptions {
  /** The direction of the server. 'duplex' is Windows only; create two FIFOs elsewhere. */
  direction: PipeDirection;
  /** Maximum simultaneous connections, 1 to 255; 255 means no limit. Default 255; 1 on POSIX. */
  instancesMax?: number | undefined;
  /** Windows: each read returns one message, or the next part of it. Default false. */
  messages?: boolean | undefined;
  /** Windows: whether clients on other machines may connect. Default false. */
  remote?: boolean | undefined;
}

const unlimited = 255;

interface PipeSettings {
  readonly path: ParsedPath;
  readonly direction: PipeDirection;
  readonly flags: number;
  readonly instancesMax: number;
  readonly bufferSize: number;
}

function parseSettings(name: string, options: NamedPipeOptions): PipeSettings {
  validateObject(options, 'options');
  const path = parseDeviceName(name, 'pipe\\');
  const { direction, messages = false, remote = false } = options;
  checkDirection(direction, messages);
  validateBoolean(remote, 'options.remote');
  if (remote && !isWindows) throw unavailable('options.remote');
  const { instancesMax = isWindows ? unlimited : 1 } = options;
  validateInteger(instancesMax, 'options.instancesMax', 1, unlimited);
  if (!isWindows && instancesMax > 1) throw unavailable('options.instancesMax above 1');
  validateSignal(options.signal);
  const { readable, writable } = accessOfDirection(direction);
  const flags =
    (readable ? PipeFlag.reads : 0) |
    (writable ? PipeFlag.writes : 0) |
    (messages ? PipeFlag.messages : 0) |
    (remote ? PipeFlag.remote : 0);
  return { path, direction, flags, instancesMax, bufferSize: parseBufferSize(options.bufferSize) };
}

async function createInstance(
  settings: PipeSettings,
  flags: number,
  signal: AbortSignal | undefined,
): Promise<FileHandle> {
  const { path, direction, instancesMax, bufferSize } = settings;
  const how = { path: path.native, flags: settings.flags | flags, bufferSize, instancesMax };
  const request = {
    ...createPipeInstanceAt(how),
    subject: { syscall: 'createnamedpipe', path: path.shown },
    decode: decodeOpened,
    signal,
  };
  return new FileHandle(await openBy(request, accessOfDirection(direction)));
}

/**
 * The server side of a named pipe; connect() returns one handle per client.
 *
 * On Windows, one instance always waits for the next client, as long as `instancesMax` allows it.
 * On POSIX the pipe is a FIFO: connect() opens it and waits until the other side opens it as well.
 * @example
 * const server = await createNamedPipe('greeter', { direction: 'out' });
 * const client = await server.connect();
 * await client.write('hello');
 * await client.close();
 * await server.close();
 */
export class NamedPipeServer {
  /** The full name of the pipe, as the system knows it. */
  readonly name: string;
  readonly #settings: PipeSettings;
  readonly #ending = new AbortController();
  /** Windows instances that wait for a connect() call. */
  readonly #spare: FileHandle[] = [];
  /** Handles that are still open. */
  readonly #instances = new Set<FileHandle>();
  /** The number of instances under construction. */
  #coming = 0;
  #closing: Promise<void> | undefined;

  /** @internal Use createNamedPipe() to create a server. */
  constructor(settings: PipeSettings, first: FileHandle | undefined) {
    this.name = settings.path.shown;
    this.#settings = settings;
    if (first !== undefined) this.#spare.push(this.#keep(first));
  }

  /**
   * Waits for a client. Several calls may wait at the same time.
   * @param options `signal` cancels the wait
   * @returns a handle that reads or writes according to `direction`; the caller closes it
   * @throws AbortError if `signal` aborts or the server is closed; EBUSY if `instancesMax`
   *   handles are still open; EBADF after close()
   */
  async connect(options: SignalOptions = {}): Promise<FileHandle> {
    validateObject(options, 'options');
    validateSignal(options.signal);
    this.#checkOpen();
    const { signal: ending } = this.#ending;
    const signal = options.signal ? AbortSignal.any([options.signal, ending]) : ending;
    if (!isWindows) return this.#openFifo(signal);
    const instance = this.#spare.shift() ?? (await this.#create(signal));
    try {
      await requireCore(instance, 'handle').operate({
        ...connectPipeClient(),
        subject: this.#subject('connectnamedpipe'),
        decode: decodeNothing,
        signal,
      });
      if (ending.aborted) throw abortError(ending);
    } catch (error) {
      await this.#takeBack(instance);
      throw error;
    }
    await this.#refill();
    return instance;
  }

  /**
   * Ends the connection of a handle and closes the handle. The client sees the end of the pipe and
   * loses the data that it has not read. On Windows the instance then waits for another client.
   * https://learn.microsoft.com/windows/win32/api/namedpipeapi/nf-namedpipeapi-disconnectnamedpipe
   * @param handle a handle that connect() of this server returned
   * @throws ERR_INVALID_ARG_VALUE, as a rejection, if this server did not connect the handle
   */
  async disconnect(handle: FileHandle): Promise<void> {
    if (!this.#instances.has(handle) || this.#spare.includes(handle)) {
      throw invalidHandle(handle);
    }
    if (!isWindows) return handle.close({ cancel: true });
    const core = requireCore(handle, 'handle');
    await core.operate({
      ...disconnectPipeClient(),
      subject: this.#subject('disconnectnamedpipe'),
      decode: decodeNothing,
    });
    // Code that still holds the old handle must not read what the next client writes.
    this.#coming++;
    try {
      const next = await core.handOver();
      if (next !== undefined) await this.#takeBack(this.#keep(new FileHandle(next)));
    } finally {
      this.#coming--;
    }
    await this.#refill();
  }

  /**
   * Stops accepting clients. Pending connect() calls reject with an AbortError; connected handles
   * stay open. On POSIX the FIFO is removed.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#spare.splice(0).map((instance) => instance.close()));
    if (!isWindows) await fs.promises.rm(this.name, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #subject(syscall: string): { syscall: string; path: string } {
    return { syscall, path: this.name };
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw systemErrorOf('EBADF', this.#subject('connect'));
  }

  #keep(handle: FileHandle): FileHandle {
    this.#instances.add(handle);
    handle.once('close', () => this.#instances.delete(handle));
    return handle;
  }

  async #create(signal: AbortSignal | undefined): Promise<FileHandle> {
    return this.#make(() => createInstance(this.#settings, 0, signal));
  }

  async #make(make: () => Promise<FileHandle>): Promise<FileHandle> {
    if (!this.#hasRoom()) throw systemErrorOf('EBUSY', this.#subject('connect'));
    this.#coming++;
    try {
      return this.#keep(await make());
    } finally {
      this.#coming--;
    }
  }

  #hasRoom(): boolean {
    const { instancesMax } = this.#settings;
    return instancesMax === unlimited || this.#instances.size + this.#coming < instancesMax;
  }

  async #takeBack(instance: FileHandle): Promise<void> {
    if (this.#closing === undefined) this.#spare.push(instance);
    else await instance.close();
  }

  // Keeps an instance ready for clients that arrive between two calls of connect(). If none can be
  // created, the next connect() reports the error.
  async #refill(): Promise<void> {
    if (this.#spare.length > 0 || this.#closing !== undefined || !this.#hasRoom()) return;
    const instance = await this.#create(undefined).catch(() => undefined);
    if (instance !== undefined) await this.#takeBack(instance);
  }

  #openFifo(signal: AbortSignal): Promise<FileHandle> {
    const { path, direction, bufferSize } = this.#settings;
    return this.#make(async () => {
      return new FileHandle(await openFifo(path, direction, bufferSize, signal));
    });
  }
}

function invalidHandle(handle: unknown): Error {
  return invalidArgValue('handle', handle, 'must be connected by this server');
}

async function openFifo(
  path: ParsedPath,
  direction: PipeDirection,
  bufferSize: number,
  signal: AbortSignal | undefined,
): Promise<CoreHandle> {
  const core = await openPipe(path, direction, signal);
  if (bufferSize === 0) return core;
  try {
    await core.operate({
      ...configurePipeEnd({ flags: 0, bufferSize }),
      subject: { syscall: 'fcntl', path: path.shown },
      decode: decodeNothing,
    });
    return core;
  } catch (error) {
    await core.close();
    throw error;
  }
}

/**
 * Creates and serves a named pipe.
 * @param name on Windows the part after `\\.\pipe\`, or a full name; on POSIX the path of a FIFO,
 *   which is created with permissions 0o600
 * @param options `direction` is required
 * @throws EEXIST if the FIFO already exists; EPERM if another server has the name (Windows);
 *   ERR_FEATURE_UNAVAILABLE_ON_PLATFORM for options that only Windows has; AbortError
 * @example
 * const server = await createNamedPipe('greeter', { direction: 'duplex' });
 * const client = await server.connect();
 */
export async function createNamedPipe(
  name: string,
  options: NamedPipeOptions,
): Promise<NamedPipeServer> {
  const settings = parseSettings(name, options);
  const { signal } = options;
  if (isWindows) {
    return new NamedPipeServer(settings, await createInstance(settings, PipeFlag.first, signal));
  }
  const path = settings.path.native;
  await getEngine().submit({
    ...createPipeInstanceAt({ path, flags: 0, bufferSize: 0, instancesMax: 0 }),
    subject: { syscall: 'mkfifo', path: settings.path.shown },
    decode: decodeNothing,
    signal,
  });
  return new NamedPipeServer(settings, undefined);
}
