import fs from 'node:fs';
import process from 'node:process';

const lazily = (object: object, copy: object, name: string): void => {
  const { get } = Object.getOwnPropertyDescriptor(object, name) as PropertyDescriptor;
  Object.defineProperty(copy, name, {
    configurable: true,
    enumerable: true,
    get() {
      const value: unknown = get?.call(object);
      Object.defineProperty(copy, name, { value, configurable: true, enumerable: true });
      return value;
    },
  });
};

// Reading the stream classes of node:fs loads Node's streams, so they are copied on first use.
function copyOf<T extends object>(object: T): T {
  const copy: Record<string, unknown> = {};
  for (const [name, { get, value }] of Object.entries(Object.getOwnPropertyDescriptors(object))) {
    if (get === undefined) copy[name] = value;
    else lazily(object, copy, name);
  }
  return copy as T;
}

/**
 * node:fs as it was when this package was loaded. Functions that delegate to Node call this copy,
 * so they reach Node's own functions even after ours have replaced them.
 */
export const nodeFs: typeof fs = copyOf(fs);

/** node:fs/promises as it was when this package was loaded. */
export const nodePromises: typeof fs.promises = { ...fs.promises };

/** The major version of the running Node. */
export const nodeMajor = Number.parseInt(process.versions.node, 10);
