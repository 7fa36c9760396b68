import { type Command, Option } from 'commander';
import { chunkDefaults, queueDepthOf } from '../copy/read-chunks.js';
import { parseDepth, parseSize } from './values.js';

export { queueDepthOf };

/** Options for reading a file, shared by several commands. */
export interface WindowFlags {
  unbuffered?: boolean;
  queueDepth?: number;
  depth?: number;
  chunkSize?: number;
}

/** Adds `--queue-depth` and its alias `--depth`. */
export function addQueueDepth(command: Command): Command {
  const { depth } = chunkDefaults;
  return command
    .option('--queue-depth <n>', `chunks of a file in flight (default: ${depth})`, parseDepth)
    .addOption(new Option('--depth <n>', 'the same as --queue-depth').argParser(parseDepth));
}

export function addWindowOptions(command: Command): Command {
  return addQueueDepth(command.option('-u, --unbuffered', "past the system's cache")).option(
    '--chunk-size <size>',
    'bytes of a chunk (default: 1M)',
    parseSize,
  );
}
