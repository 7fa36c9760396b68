import type { Command } from 'commander';
import type { TreeDifference } from '../../copy/tree/verify-tree.js';
import { type ManifestReport, type VerifyReport, verify } from '../../copy/verify.js';
import { stat } from '../../functions/status.js';
import { exitCode } from '../exit-code.js';
import { UsageError, withUnbufferedHint } from '../failure.js';
import { bytesText, counted, grouped } from '../format.js';
import { messageOf } from '../message.js';
import type { OutputOptions } from '../output.js';
import { pathOf } from '../path-arguments.js';
import type { Context, Start } from '../run.js';
import { addTreeOptions, filterOptionsOf, type TreeFlags } from '../tree-task.js';
import { parseAlgorithm, parsePathArgument } from '../values.js';
import {
  addWindowOptions,
  diskOptionsOf,
  queueDepthOf,
  type WindowFlags,
} from '../window-options.js';

interface Flags extends TreeFlags, OutputOptions, WindowFlags {
  manifest?: string;
  hash?: string;
}

type Pair = readonly [string, string];

export function addVerify(program: Command, start: Start): Command {
  const command = program
    .command('verify')
    .summary('compare files or folders')
    .description(
      'Compares two files byte by byte, or two folders with everything in them; with --manifest, ' +
        'a folder or a file with digests.',
    )
    .usage(
      '[options] <source> <destination>\n  overlapped verify [options] --manifest <file> <path>',
    )
    .argument('<source>', 'a file or a folder', parsePathArgument)
    .argument('[destination]', 'the file or folder to compare it with', parsePathArgument)
    .option('--manifest <file>', 'compare with the digests of copy --manifest or sha256sum')
    .option('--hash <algorithm>', 'with --manifest: default by digest', parseAlgorithm);
  return addTreeOptions(addWindowOptions(command)).action(
    (source: string, destination: string | undefined, flags: Flags) =>
      start(flags, (context) => verifyGiven(source, destination, flags, context)),
  );
}

function verifyGiven(
  source: string,
  destination: string | undefined,
  flags: Flags,
  context: Context,
): Promise<number> {
  const { manifest, hash } = flags;
  if (manifest !== undefined) {
    if (destination === undefined) return verifyManifest(source, { ...flags, manifest }, context);
    throw new UsageError('--manifest replaces the source: give one path');
  }
  if (hash !== undefined) throw new UsageError('--hash requires --manifest');
  if (destination === undefined) throw new UsageError("missing required argument 'destination'");
  return verifyPair([source, destination], flags, context);
}

async function verifyManifest(
  path: string,
  flags: Flags & { manifest: string },
  { output, signal }: Context,
): Promise<number> {
  const { unbuffered = false, concurrency, chunkSize, manifest, hash } = flags;
  const filters = await filterOptionsOf(flags);
  const found = await withUnbufferedHint(unbuffered, 'leave out --unbuffered', () =>
    verify(pathOf(path), {
      ...{
        manifest: pathOf(manifest),
        hash,
        unbuffered,
        queueDepth: queueDepthOf(flags),
        chunkSize,
        signal,
      },
      ...{ ...filters, concurrency, ...diskOptionsOf(flags) },
      onProgress: (progress) => output.progress(progress),
    }),
  );
  const { value, lines } = shown(found);
  output.result({ command: 'verify', manifest, destination: path, ...found, ...value }, lines);
  return found.equal ? exitCode.done : exitCode.incomplete;
}

async function verifyPair(pair: Pair, flags: Flags, context: Context): Promise<number> {
  const { unbuffered = false, concurrency, chunkSize } = flags;
  const { output, signal } = context;
  const [source, destination] = pair;
  const { include, exclude, filesFrom, excludeFrom } = flags;
  const ofFolders = [include, exclude, filesFrom, excludeFrom, concurrency];
  const isOfFolders = ofFolders.some((value) => value !== undefined);
  if (isOfFolders && !(await stat(pathOf(source))).isDirectory()) {
    throw new UsageError('filters and --concurrency require folders');
  }
  const filters = await filterOptionsOf(flags);
  const found = await withUnbufferedHint(unbuffered, 'leave out --unbuffered', () =>
    verify(pathOf(source), pathOf(destination), {
      ...{ unbuffered, queueDepth: queueDepthOf(flags), chunkSize, signal },
      ...{ ...filters, concurrency, ...diskOptionsOf(flags) },
      onProgress: (progress) => output.progress(progress),
    }),
  );
  const { value, lines } = shown(found);
  output.result({ command: 'verify', source, destination, ...found, ...value }, lines);
  return found.equal ? exitCode.done : exitCode.incomplete;
}

/** Formats a report: the part of its JSON that differs from the object, and lines for people. */
function shown(found: VerifyReport | ManifestReport): { value: object; lines: string[] } {
  if (found.kind === 'mixed') {
    const value = { differences: [{ path: '.', kind: 'type' }] };
    return { value, lines: ['different: one is a folder, the other is not'] };
  }
  if (found.kind === 'file') {
    const { equal, firstDifference, sizes, readFrom } = found;
    const line = equal
      ? `the same, ${grouped(sizes[0])} bytes, read from the ${readFrom}`
      : `different from byte ${firstDifference} on (${sizes.map(grouped).join(' and ')} bytes)`;
    return { value: {}, lines: [line] };
  }
  const { files, bytes, equal, readFrom, unfinished } = found;
  const differences = found.differences.map(({ path, kind, error }) =>
    error === undefined ? { path, kind } : { path, kind, error: messageOf(error) },
  );
  const compared = `${counted(files, 'file')} compared, ${bytesText(bytes)}`;
  const amount = `${compared}, read from the ${readFrom}`;
  const verdict = equal ? 'the same' : counted(differences.length, 'difference');
  const leftOvers = unfinished.map((path) => `unfinished ${path}`);
  const lines = [...found.differences.map(lineOf), ...leftOvers, `${verdict}: ${amount}`];
  return { value: { differences }, lines };
}

function lineOf({ path, kind, error }: TreeDifference): string {
  const why = error === undefined ? '' : ` (${messageOf(error)})`;
  return `${kind.padEnd(8)} ${path}${why}`;
}
