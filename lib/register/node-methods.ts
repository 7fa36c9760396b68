import { ExtendedHandle } from '../file-handle/extended-handle.js';
import { FileHandle } from '../file-handle/file-handle.js';
import { requireCore } from '../handle/core-of.js';

// Newer versions of Node give their FileHandle methods that this package lacks, such as pull(),
// pullSync() and writer() with --experimental-stream-iter. Under register our handles inherit these
// methods. They use fields that only Node's handles have, so they are called on a stand-in with the
// relevant fields; they then work on the descriptor.

type AnyMethod = (...given: unknown[]) => unknown;
type Fields = Record<string | symbol, unknown>;

/** Node's private fields, found by name on one of its handles. */
export function fieldsOf(handle: object): Map<string, symbol> {
  const prototype: object = Object.getPrototypeOf(handle);
  const symbols = [handle, prototype].flatMap((object) => Object.getOwnPropertySymbols(object));
  return new Map(symbols.map((symbol) => [symbol.description ?? '', symbol]));
}

const standIns = new WeakMap<FileHandle, object>();

function standInFor(handle: FileHandle, nodes: object, fields: Map<string, symbol>): object {
  const known = standIns.get(handle);
  if (known !== undefined) return known;
  const { holds } = requireCore(handle, 'this').file;
  let release = (): void => {};
  const close = (): Promise<void> => handle.close();
  const standIn = Object.create(nodes) as Fields;
  Object.defineProperties(standIn, {
    fd: { get: () => handle.fd },
    close: { value: close },
  });
  const define = (name: string, descriptor: PropertyDescriptor): void => {
    const field = fields.get(name);
    if (field !== undefined) Object.defineProperty(standIn, field, descriptor);
  };
  define('kFd', { get: () => handle.fd });
  define('kLocked', { value: false, writable: true });
  define('kClosePromise', { value: undefined, writable: true });
  define('kRef', {
    value: () => {
      release = holds.hold(() => {});
    },
  });
  define('kUnref', { value: () => release() });
  define('kCloseSync', { value: () => void close().catch(() => {}) });
  standIns.set(handle, standIn);
  return standIn;
}

/**
 * Adds the methods of Node's handles that ours lack.
 * @param sample one of Node's own handles
 */
export function inheritMethods(sample: object): void {
  const nodes: object = Object.getPrototypeOf(sample);
  const { prototype } = FileHandle;
  const ownPrototypes = [prototype, ExtendedHandle.prototype];
  const fields = fieldsOf(sample);
  for (const name of Object.getOwnPropertyNames(nodes)) {
    const { value } = Object.getOwnPropertyDescriptor(nodes, name) as { value?: unknown };
    if (typeof value !== 'function' || ownPrototypes.some((own) => Object.hasOwn(own, name)))
      continue;
    const method = value as AnyMethod;
    const inherited = function (this: FileHandle, ...given: unknown[]): unknown {
      return Reflect.apply(method, standInFor(this, nodes, fields), given);
    };
    Object.defineProperty(inherited, 'name', { value: name });
    Object.defineProperty(prototype, name, {
      value: inherited,
      configurable: true,
      writable: true,
    });
  }
}
