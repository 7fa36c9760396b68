import { InvalidArgumentError } from 'commander';
import { makeHash } from '../copy/make-hash.js';

const mebibyte = 1024 * 1024;
const depthMax = 1024;
const units: Readonly<Record<string, number>> = {
  '': 1,
  K: 1024,
  M: mebibyte,
  G: 1024 * mebibyte,
  T: mebibyte * mebibyte,
};

/** Parses a number of bytes: `4096`, `256K`, `1M`, `2GiB`. */
export function parseSize(text: string): number {
  const match = /^(\d+)([KMGT]?)(?:i?B)?$/i.exec(text);
  const size = match ? Number(match[1]) * (units[(match[2] ?? '').toUpperCase()] ?? 1) : 0;
  if (size < 1 || !Number.isSafeInteger(size)) {
    throw new InvalidArgumentError('Expected a size such as 1M or 256K.');
  }
  return size;
}

/** Parses a whole number from 1 to `max`. */
export function parseCount(max: number): (text: string) => number {
  return (text) => {
    const count = /^\d+$/.test(text) ? Number(text) : 0;
    if (count < 1 || count > max) {
      throw new InvalidArgumentError(`Expected a number from 1 to ${max}.`);
    }
    return count;
  };
}

/** Parses a number of seconds, possibly with a fraction. */
export function parseSeconds(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('Expected seconds, such as 2.');
  return Number(text);
}

/** Parses a whole number, including 0. */
export function parseNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(text);
}

export const parseDepth = parseCount(depthMax);

/** Collects the values of an option that may be repeated. */
export function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** Refuses an empty path, which some functions would take for the current folder. */
export function parsePathArgument(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}

/** Checks the name of a hash of node:crypto; some are known only to OpenSSL. */
export function parseAlgorithm(text: string): string {
  try {
    makeHash(text, 'algorithm');
    return text;
  } catch {
    throw new InvalidArgumentError('Unknown hash; try "sha256" or "blake2b512".');
  }
}
