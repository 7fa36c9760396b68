import { type Command, Option } from 'commander';
import { chunkDefaults, queueDepthOf } from '../copy/read-chunks.js';
import { parseDepth, parseSize } from './values.js';

export { queueDepthOf };

/** How a file is read: options that several commands share. */
export interface WindowFlags {
  unbuffered?: boolean;
  queueDepth?: number;
  depth?: number;
  chunkSize?: number;
}

/** `--queue-depth`, and `--depth`, its shorter name. */
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
