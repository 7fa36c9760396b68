import type { Command } from 'commander';
import { chunkDefaults, queueDepthOf } from '../copy/read-chunks.js';
import { parseDepth, parseSize } from './values.js';

export { queueDepthOf };

/** Options for reading a file, shared by several commands. */
export interface WindowFlags {
  unbuffered?: boolean;
  queueDepth?: number;
  chunkSize?: number;
}

/** Adds `--queue-depth`. */
export function addQueueDepth(command: Command): Command {
  const { depth } = chunkDefaults;
  const description = `chunks of a file in flight (default: ${depth})`;
  return command.option('--queue-depth <n>', description, parseDepth);
}

export function addWindowOptions(command: Command): Command {
  return addQueueDepth(command.option('-u, --unbuffered', "past the system's cache")).option(
    '--chunk-size <size>',
    'bytes of a chunk (default: 1M)',
    parseSize,
  );
}
