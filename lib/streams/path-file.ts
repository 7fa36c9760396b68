import { isShortage } from '../engine/shortage.js';
import type { StreamOpenOptions } from '../handle/open-options.js';
import { nodeFileOf } from './movers.js';
import type { NodeFile } from './node-file.js';

/**
 * Makes the file of a stream that opens a path; undefined if its code does not load for lack of a
 * descriptor. Node's own methods then report that.
 */
export function fileOfPath(
  options: StreamOpenOptions,
  stream: { readonly closed: boolean },
): NodeFile | undefined {
  try {
    return nodeFileOf(options, stream);
  } catch (error) {
    if (isShortage(error)) return undefined;
    throw error;
  }
}
