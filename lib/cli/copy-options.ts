import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CopyOptions } from '../copy/copy-options.js';
import { parseSize } from './values.js';
import { addWindowOptions } from './window-options.js';

/** The options of a copy as the command line has them. */
export interface CopyFlags {
  strategy?: 'auto' | 'clone' | 'offload' | 'engine';
  unbuffered?: boolean;
  depth?: number;
  chunkSize?: number;
  sparse?: 'auto' | 'never';
  preallocate?: boolean;
  verify?: boolean;
  rateLimit?: number;
  metadata?: CopyOptions['metadata'];
  overwrite: boolean;
  atomic: boolean;
  resume?: boolean;
}

/** The options that the functions for files and for folders have in common. */
type GivenOptions = Omit<CopyOptions, 'hash' | 'signal' | 'onProgress'>;

const parts = ['times', 'mode', 'owner', 'xattrs', 'attributes', 'streams'] as const;

function parseMetadata(text: string): CopyOptions['metadata'] {
  const names = text.split(',');
  const unknown = names.find((name) => !(parts as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`It must be of ${parts.join(', ')}, with commas between.`);
  }
  return Object.fromEntries(names.map((name) => [name, true]));
}

export function addCopyOptions(command: Command): Command {
  const strategies = ['auto', 'clone', 'offload', 'engine'];
  return addWindowOptions(command)
    .addOption(
      new Option('--strategy <name>', 'who copies; auto: the first that can').choices(strategies),
    )
    .addOption(new Option('--sparse <how>', 'auto: holes stay holes').choices(['auto', 'never']))
    .option('--preallocate', 'reserve the space at once')
    .option('--verify', 'read the copy back and compare hashes')
    .option('--rate-limit <size>', 'bytes per second at most', parseSize)
    .option(
      '--metadata [parts]',
      `keep all that can be kept, or of: ${parts.join(',')}`,
      parseMetadata,
    )
    .option('--no-metadata', 'keep none')
    .option('--resume', 'go on with what an earlier run with it left unfinished')
    .option('--no-atomic', 'write to the destination itself, not to a temporary name')
    .option('--no-overwrite', 'fail where the destination exists');
}

/** The options of copy() and copyTree() that were given. */
export function copyOptionsOf(flags: CopyFlags): GivenOptions {
  const { strategy, unbuffered, depth, chunkSize, sparse, preallocate } = flags;
  const { verify, rateLimit, metadata, overwrite, atomic, resume } = flags;
  return {
    ...{ strategy, unbuffered, depth, chunkSize, sparse, preallocate },
    ...{ verify, rateLimit, metadata, overwrite, atomic, resume },
  };
}
