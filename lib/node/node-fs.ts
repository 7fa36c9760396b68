import fs from 'node:fs';
import process from 'node:process';

const { defineProperty, getOwnPropertyDescriptor, keys } = Object;

type Properties = Record<string, unknown>;

// Reading the stream classes of node:fs loads Node's streams, so they are copied on first use.
// Deprecated members are not enumerable, and not copied: reading one prints a warning.
function copyOf<T extends object>(object: T): T {
  const copy: Properties = {};
  for (const name of keys(object)) {
    const { get, value } = getOwnPropertyDescriptor(object, name) as PropertyDescriptor;
    if (get === undefined) copy[name] = value;
    else copyLater(copy, name, () => get.call(object));
  }
  return copy as T;
}

function copyLater(copy: Properties, name: string, read: () => unknown): void {
  const shape = { configurable: true, enumerable: true };
  const get = (): unknown => {
    const value = read();
    defineProperty(copy, name, { ...shape, value, writable: true });
    return value;
  };
  defineProperty(copy, name, { ...shape, get });
}

// Declarations must import no default, which CommonJS programs have only with esModuleInterop.
/**
 * node:fs as it was when this package was loaded. Functions that delegate to Node call this copy,
 * so they reach Node's own functions even after ours have replaced them.
 */
export const nodeFs: typeof import('node:fs') = copyOf(fs);

/** node:fs/promises as it was when this package was loaded. */
export const nodePromises: typeof import('node:fs/promises') = { ...fs.promises };

/** The major version of the running Node. */
export const nodeMajor = Number.parseInt(process.versions.node, 10);
