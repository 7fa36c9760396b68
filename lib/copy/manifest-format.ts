import type { Buffer } from 'node:buffer';
import { ManifestError } from './manifest-error.js';

/**
 * The format of sha256sum and its relatives in GNU coreutils: a digest, a space, a space or an
 * asterisk, and a name. A line whose name has a backslash, a line feed or a carriage return begins
 * with a backslash, and these characters are escaped by backslashes. Names are bytes: a string here
 * has one character for each.
 */

/** A line of a manifest. */
export interface ManifestEntry {
  /** The name, with one character for each byte. */
  name: string;
  /** The digest in lowercase hexadecimal. */
  digest: string;
  /** Name of the algorithm in node:crypto; undefined if the manifest does not say it. */
  algorithm: string | undefined;
  /** Number of the line, from 1. */
  line: number;
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r' };
const originals: Readonly<Record<string, string>> = { '\\': '\\', n: '\n', r: '\r' };
const toEscape = /[\\\n\r]/g;
const escaped = /\\(.?)/gs;

/** Formats one line. @param name with one character for each byte */
export function manifestLine(digest: string, name: string): string {
  const shown = name.replace(toEscape, (character) => escapes[character] as string);
  return `${shown === name ? '' : '\\'}${digest}  ${shown}\n`;
}

/** Returns a name without its escapes; undefined if one of them is unknown. */
function unescaped(text: string): string | undefined {
  let isKnown = true;
  const name = text.replace(escaped, (_, character: string) => {
    const original = originals[character];
    if (original === undefined) isKnown = false;
    return original ?? '';
  });
  return isKnown ? name : undefined;
}

const plain = /^(?<mark>\\?)(?<digest>[0-9a-fA-F]+) [ *](?<name>.+)$/s;
// The format of `sha256sum --tag` and of the BSD tools.
const tagged =
  /^(?<mark>\\?)(?<tag>[A-Z][A-Za-z0-9-]*) \((?<name>.+)\) = (?<digest>[0-9a-fA-F]+)$/s;

/** Names of node:crypto for the tags that differ from them. */
const namesOfTags: Readonly<Record<string, string>> = { BLAKE2B: 'blake2b512' };

/** The algorithms of coreutils by the hexadecimal digits of their digests. */
const byDigits: Readonly<Record<number, string>> = {
  32: 'md5',
  40: 'sha1',
  56: 'sha224',
  64: 'sha256',
  96: 'sha384',
  128: 'sha512',
};

/** Returns the algorithm whose digests have this length, as the commands of coreutils use it. */
export function algorithmOfDigest(digest: string): string | undefined {
  return byDigits[digest.length];
}

interface LineParts {
  mark: string;
  digest: string;
  name: string;
  tag?: string;
}

function parseLine(text: string, line: number): ManifestEntry | undefined {
  const parts = (plain.exec(text) ?? tagged.exec(text))?.groups as LineParts | undefined;
  if (parts === undefined) return undefined;
  const { mark, digest, tag } = parts;
  const name = mark === '' ? parts.name : unescaped(parts.name);
  if (name === undefined || name.includes('\0')) return undefined;
  const algorithm = tag === undefined ? undefined : (namesOfTags[tag] ?? tag.toLowerCase());
  return { name, digest: digest.toLowerCase(), algorithm, line };
}

const lineFeed = 0x0a;

/**
 * Parses a manifest. Empty lines, and lines that begin with `#`, are skipped.
 * @param path for errors
 * @throws ManifestError for a line in another format
 */
export function parseManifest(content: Buffer, path: string): ManifestEntry[] {
  const entries: ManifestEntry[] = [];
  for (let start = 0, line = 1; start < content.byteLength; line++) {
    const found = content.indexOf(lineFeed, start);
    const end = found < 0 ? content.byteLength : found;
    // Older versions of coreutils do not escape a carriage return, which may also end a line of
    // Windows; names that end with one are rare.
    const text = content.toString('latin1', start, end).replace(/\r$/, '');
    start = end + 1;
    if (text === '' || text.startsWith('#')) continue;
    const entry = parseLine(text, line);
    if (entry === undefined) {
      const message = 'A line is not in the format of sha256sum';
      throw new ManifestError('ERR_MANIFEST_FORMAT', message, { path, line });
    }
    entries.push(entry);
  }
  return entries;
}
