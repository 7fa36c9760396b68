import { createHash, type Hash } from 'node:crypto';
import { invalidArgType, invalidArgValue } from '../node/errors.js';

/**
 * A hash of node:crypto, some of which only OpenSSL knows.
 * @param name of the option that names it
 * @throws ERR_INVALID_ARG_TYPE; ERR_INVALID_ARG_VALUE for what is no algorithm here
 */
export function makeHash(algorithm: unknown, name: string): Hash {
  if (typeof algorithm !== 'string') throw invalidArgType(name, 'of type string', algorithm);
  try {
    return createHash(algorithm);
  } catch {
    throw invalidArgValue(name, algorithm, 'must be a hash of node:crypto');
  }
}
