import { type Command, InvalidArgumentError, Option } from 'commander';
import type { DiskOptions } from '../copy/disk-options.js';
import { chunkDefaults, queueDepthOf } from '../copy/read-chunks.js';
import { setIoPriority } from '../engine/io-priority.js';
import { parseDepth, parseSize } from './values.js';

export { queueDepthOf };

/** Options for reading a file, shared by several commands. */
export interface WindowFlags {
  unbuffered?: boolean;
  queueDepth?: number;
  chunkSize?: number;
  dontCache?: boolean | 'prefer';
  ioPriority?: 'idle' | 'low';
}

/** Adds `--queue-depth`. */
export function addQueueDepth(command: Command): Command {
  const { depth } = chunkDefaults;
  const description = `chunks of a file in flight (default: ${depth})`;
  return command.option('--queue-depth <n>', description, parseDepth);
}

export function addWindowOptions(command: Command): Command {
  return addQueueDepth(command.option('-u, --unbuffered', "past the system's cache"))
    .option('--chunk-size <size>', 'bytes of a chunk (default: 1M)', parseSize)
    .option(
      '--dont-cache [how]',
      "leave the system's cache as it was; prefer: where that is possible",
      parseDontCache,
    )
    .option('--no-dont-cache', 'let large files fill the cache')
    .addOption(
      new Option('--io-priority <level>', 'idle: use the disk when no one else does').choices([
        'idle',
        'low',
      ]),
    );
}

function parseDontCache(text: string): 'prefer' {
  if (text !== 'prefer') throw new InvalidArgumentError('Expected prefer, or nothing.');
  return text;
}

/** Returns the given options for the disk, and gives the priority to the whole process. */
export function diskOptionsOf({ dontCache, ioPriority }: WindowFlags): DiskOptions {
  if (ioPriority !== undefined && process.platform === 'linux') setIoPriority(ioPriority);
  return { dontCache, ioPriority };
}
