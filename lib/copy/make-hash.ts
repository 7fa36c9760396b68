import { createHash, type Hash } from 'node:crypto';
import { invalidArgType, invalidArgValue } from '../node/errors.js';

/**
 * Creates a hash of node:crypto. Some algorithms are known only to OpenSSL.
 * @param name name of the option, for errors
 * @throws ERR_INVALID_ARG_TYPE; ERR_INVALID_ARG_VALUE for an unknown algorithm
 */
export function makeHash(algorithm: unknown, name: string): Hash {
  if (typeof algorithm !== 'string') throw invalidArgType(name, 'of type string', algorithm);
  try {
    return createHash(algorithm);
  } catch {
    throw invalidArgValue(name, algorithm, 'must be a hash of node:crypto');
  }
}
