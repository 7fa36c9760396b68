import process from 'node:process';
import { MetadataFlag, metadataTriedShift } from '../engine/opcodes.js';
import { decodeNothing } from '../engine/operation.js';
import { copyMetadataParts } from '../engine/requests.js';
import type { CoreHandle } from '../handle/core-handle.js';
import { openStream } from '../handle/open-stream.js';
import { type SystemError, unavailable } from '../node/errors.js';
import { validateBoolean, validateObject } from '../node/validate.js';
import { listStreamsOf, type StreamInfo } from '../win32/named-streams.js';
import { copyContent } from './copy-content.js';

/** Metadata that a copy takes from its source, in addition to the content. */
export interface MetadataOptions {
  /** Access and modification times, exactly; on Windows also the creation time. */
  times?: boolean | undefined;
  /** POSIX: the permission bits, regardless of the umask. */
  mode?: boolean | undefined;
  /** POSIX: user and group. */
  owner?: boolean | undefined;
  /** Linux and macOS: the extended attributes, including access control lists. */
  xattrs?: boolean | undefined;
  /** Windows: attributes such as hidden and read-only. */
  attributes?: boolean | undefined;
  /** Windows: the named streams. */
  streams?: boolean | undefined;
}

/** A part of the metadata of a file. */
export type MetadataPart = keyof MetadataOptions;

/** 'try' reports a refusal; 'must' makes it an error. */
export type MetadataParts = Partial<Record<MetadataPart, 'try' | 'must'>>;

const isWindows = process.platform === 'win32';
// The parts are copied in this order: a change of owner clears bits of the mode, the owner of a
// read-only file may not change its extended attributes, writes after the times were set would
// change them, and a read-only file on Windows takes no new streams.
const available: Readonly<Record<MetadataPart, boolean>> = {
  streams: isWindows,
  owner: !isWindows,
  xattrs: process.platform === 'linux' || process.platform === 'darwin',
  mode: !isWindows,
  times: true,
  attributes: isWindows,
};
const allParts = Object.keys(available) as MetadataPart[];

/** The metadata that a tree copy tries to keep by default. */
export function usualParts(): MetadataParts {
  if (isWindows) return { times: 'try', attributes: 'try' };
  const parts: MetadataParts = { times: 'try', mode: 'try' };
  // Only root may give files away.
  return process.geteuid?.() === 0 ? { ...parts, owner: 'try' } : parts;
}

// The parts that operations with several parts set.
const flagged = ['owner', 'xattrs', 'mode', 'times', 'attributes'] as const;

/** Returns the MetadataFlag bits of parts, and those of the parts that may be refused. */
export function flagsOfParts(parts: MetadataParts): number {
  let flags = 0;
  for (const part of flagged) {
    const flag = MetadataFlag[part];
    if (parts[part] !== undefined) flags |= flag;
    if (parts[part] === 'try') flags |= flag << metadataTriedShift;
  }
  return flags;
}

/** Returns the parts of MetadataFlag bits. */
export function partsOfFlags(flags: number): MetadataPart[] {
  return flagged.filter((part) => (flags & MetadataFlag[part]) !== 0);
}

/** @throws ERR_INVALID_ARG_TYPE; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM */
export function parseMetadata(given: boolean | MetadataOptions | undefined): MetadataParts {
  const parts: MetadataParts = {};
  if (given === undefined || given === false) return parts;
  if (given === true) {
    for (const part of allParts) if (available[part]) parts[part] = 'try';
    return parts;
  }
  validateObject(given, 'options.metadata');
  for (const part of allParts) {
    const wanted = given[part] ?? false;
    validateBoolean(wanted, `options.metadata.${part}`);
    if (!wanted) continue;
    if (!available[part]) throw unavailable(`options.metadata.${part}`);
    parts[part] = 'must';
  }
  return parts;
}

// The codes of a part that the file system or the rights of the process do not allow.
// is_refusal() of addon/engine/system/posix/copy.cc has the same list for small files. If metadata
// cannot be written for another reason (EIO, ENOSPC, EROFS), the copy fails.
const refusals = ['EACCES', 'EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EOVERFLOW', 'EPERM'];
// libuv maps ERROR_INVALID_FUNCTION to EISDIR.
const refusalsOfWindows = [...refusals, 'EISDIR'];
const usualRefusals = new Set(isWindows ? refusalsOfWindows : refusals);
const refusalsOf: Partial<Record<MetadataPart, ReadonlySet<string>>> = {
  // ENOSPC may mean a full inode (setxattr(2)); a full disk fails content writes as well.
  xattrs: new Set([...refusals, 'E2BIG', 'ENOSPC', 'ERANGE']),
  // File systems without streams report their names as invalid.
  streams: new Set([...refusalsOfWindows, 'ENOENT']),
};

function isRefusal(error: unknown, part: MetadataPart): boolean {
  const { code = '', errno } = error as Partial<SystemError>;
  return typeof errno === 'number' && (refusalsOf[part] ?? usualRefusals).has(code);
}

/**
 * Keeps one part of the metadata after another, in an order in which none undoes another.
 * @param keep returns undefined if the file does not have the part
 * @returns the parts that were tried and refused
 * @throws errors that are not refusals, and refusals of parts that must succeed
 */
export async function keepParts(
  parts: MetadataParts,
  keep: (part: MetadataPart) => Promise<void> | undefined,
): Promise<MetadataPart[]> {
  const refused: MetadataPart[] = [];
  for (const part of allParts) {
    if (parts[part] === undefined) continue;
    try {
      await keep(part);
    } catch (error) {
      if (parts[part] === 'must' || !isRefusal(error, part)) throw error;
      refused.push(part);
    }
  }
  return refused;
}

/** Copies metadata between open files. @returns the parts that were tried and refused */
export function copyMetadata(
  source: CoreHandle,
  destination: CoreHandle,
  parts: MetadataParts,
): Promise<MetadataPart[]> {
  return keepParts(parts, (part) => copiers[part](source, destination));
}

type Copier = (source: CoreHandle, destination: CoreHandle) => Promise<void>;

function nativeCopier(part: number, syscall: string): Copier {
  return (source, destination) =>
    destination.operateFrom(source, {
      ...copyMetadataParts(part),
      subject: { syscall },
      decode: decodeNothing,
    });
}

const copiers: Readonly<Record<MetadataPart, Copier>> = {
  owner: nativeCopier(MetadataFlag.owner, 'fchown'),
  mode: nativeCopier(MetadataFlag.mode, 'fchmod'),
  xattrs: nativeCopier(MetadataFlag.xattrs, 'fsetxattr'),
  times: nativeCopier(MetadataFlag.times, 'futime'),
  attributes: copyAttributes,
  streams: copyStreams,
};

// Leaves out attributes that say how the file system stores the content.
async function copyAttributes(source: CoreHandle, destination: CoreHandle): Promise<void> {
  const { readOnly, hidden, system, archive, notContentIndexed } = await source.getAttributes();
  await destination.setAttributes({ readOnly, hidden, system, archive, notContentIndexed });
}

// ERROR_INVALID_FUNCTION, ERROR_NOT_SUPPORTED, ERROR_INVALID_PARAMETER, ERROR_CALL_NOT_IMPLEMENTED
const withoutStreams = new Set([1, 50, 87, 120]);

/** Lists the streams of a file; none on a file system that has none. */
async function streamsOf(source: CoreHandle): Promise<StreamInfo[]> {
  try {
    return await listStreamsOf(source);
  } catch (error) {
    if (withoutStreams.has((error as SystemError).win32Error ?? 0)) return [];
    throw error;
  }
}

async function copyStreams(source: CoreHandle, destination: CoreHandle): Promise<void> {
  for (const { name, type, size } of await streamsOf(source)) {
    if (name === '' || type !== '$DATA') continue;
    const from = await openStream(source, name, 'r');
    try {
      const to = await openStream(destination, name, 'w');
      try {
        await copyContent(from, to, size);
      } finally {
        await to.close();
      }
    } finally {
      await from.close();
    }
  }
}
