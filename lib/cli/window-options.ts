import type { Command } from 'commander';
import { chunkDefaults } from '../copy/read-chunks.js';
import { parseDepth, parseSize } from './values.js';

/** The options that say how a file is read, which several commands have. */
export function addWindowOptions(command: Command): Command {
  const { depth } = chunkDefaults;
  return command
    .option('-u, --unbuffered', "past the system's cache")
    .option('--depth <n>', `chunks in flight (default: ${depth})`, parseDepth)
    .option('--chunk-size <size>', 'bytes of a chunk (default: 1M)', parseSize);
}
