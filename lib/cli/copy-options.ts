import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ChangedPolicy, FileCopyOptions } from '../copy/file-copy-options.js';
import { pathOfOption } from './path-arguments.js';
import { parseAlgorithm, parseNumber, parseSize } from './values.js';
import {
  addWindowOptions,
  diskOptionsOf,
  queueDepthOf,
  type WindowFlags,
} from './window-options.js';

/** Options of a copy as the command line parses them. */
export interface CopyFlags extends WindowFlags {
  strategy?: 'auto' | 'clone' | 'offload' | 'engine';
  sparse?: 'auto' | 'never' | 'always';
  preallocate?: boolean;
  verify?: boolean;
  hash?: string;
  manifest?: string;
  rateLimit?: number;
  metadata?: FileCopyOptions['metadata'];
  keepAccess?: boolean;
  force: boolean;
  errorOnExist?: boolean;
  atomic: boolean;
  resume?: boolean;
  retries?: number;
  badSectors?: 'error' | 'zero';
  changed?: ChangedPolicy;
}

/** Options shared by the functions for files and for folders. */
type GivenOptions = Omit<FileCopyOptions, 'signal' | 'onProgress'>;

const parts = ['times', 'mode', 'owner', 'xattrs', 'attributes', 'streams'] as const;

function parseMetadata(text: string): FileCopyOptions['metadata'] {
  const names = text.split(',');
  const unknown = names.find((name) => !(parts as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`Expected a comma-separated list of ${parts.join(', ')}.`);
  }
  return Object.fromEntries(names.map((name) => [name, true]));
}

export function addCopyOptions(command: Command): Command {
  const changes = ['retry', 'accept', 'error'];
  const strategies = ['auto', 'clone', 'offload', 'engine'];
  return addWindowOptions(command)
    .addOption(
      new Option('--strategy <name>', 'how to copy; auto: the first that works').choices(
        strategies,
      ),
    )
    .addOption(
      new Option('--sparse <how>', 'auto: keep holes; always: also make holes of zeros').choices([
        'auto',
        'never',
        'always',
      ]),
    )
    .option('--preallocate', 'reserve the space at once')
    .option('--verify', 'read the copy back and compare hashes')
    .option('--hash <algorithm>', 'print the hash of a file; the one of --manifest', parseAlgorithm)
    .option('--manifest <file>', 'write digests that verify --manifest and sha256sum -c read')
    .option('--rate-limit <size>', 'bytes per second at most', parseSize)
    .option(
      '--metadata [parts]',
      `keep all metadata, or a list such as times,mode (of ${parts.join(', ')})`,
      parseMetadata,
    )
    .option('--no-metadata', 'keep none')
    .option('--keep-access', 'overwritten files keep their owner and mode')
    .addOption(
      new Option('--changed <how>', 'what to do if a source changes meanwhile').choices(changes),
    )
    .option('--retries <n>', 'repeat steps that fail with EIO or ESTALE', parseNumber)
    .addOption(
      new Option('--bad-sectors <how>', 'zero: unreadable parts become zeros').choices([
        'error',
        'zero',
      ]),
    )
    .option('--resume', 'resume what an earlier run with --resume left unfinished')
    .option('--no-atomic', 'write to the destination itself, not to a temporary name')
    .option('--no-force', 'leave existing files alone')
    .option('--error-on-exist', 'with --no-force: fail for existing files');
}

/** Returns the options of copy() and copyTree() that were given. */
export function copyOptionsOf(flags: CopyFlags): GivenOptions {
  const { strategy, unbuffered, chunkSize, sparse, preallocate } = flags;
  const queueDepth = queueDepthOf(flags);
  const { verify, rateLimit, metadata, force, atomic, resume, changed } = flags;
  const { errorOnExist = false, hash, manifest, retries, badSectors, keepAccess } = flags;
  return {
    ...diskOptionsOf(flags),
    ...{ strategy, unbuffered, queueDepth, chunkSize, sparse, preallocate },
    ...{
      verify,
      hash,
      manifest: pathOfOption(manifest),
      rateLimit,
      metadata,
      force,
      errorOnExist,
      atomic,
      resume,
      changed,
    },
    ...{ retries, badSectors, keepAccess },
  };
}
