import { readFileSync } from 'node:fs';

// On POSIX an argument is bytes without a defined encoding. Node decodes it as UTF-8 and loses all
// bytes that are not. Each such byte is kept here as half of a surrogate pair, U+DC80 to U+DCFF,
// which no UTF-8 has; Python does so too (PEP 383).

const isWindows = process.platform === 'win32';
const replacement = '\ufffd';
const escapedByte = /[\udc80-\udcff]/u;
const escapeBase = 0xdc00;
const firstOfTwo = 0xc0;
const longestCharacter = 4;

/** Decodes UTF-8; each byte that is not UTF-8 becomes half of a surrogate pair. */
export function decodeArgument(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.byteLength; ) {
    const length = lengthOfCharacter(bytes, at);
    text +=
      length === 0
        ? String.fromCharCode(escapeBase + (bytes[at] as number))
        : bytes.toString('utf8', at, at + length);
    at += Math.max(1, length);
  }
  return text;
}

/** Returns how many bytes the character at a position has; 0 if it is not UTF-8. */
function lengthOfCharacter(bytes: Buffer, at: number): number {
  if ((bytes[at] as number) < 0x80) return 1;
  if ((bytes[at] as number) < firstOfTwo) return 0;
  for (let length = 2; length <= longestCharacter; length++) {
    const part = bytes.subarray(at, at + length);
    const text = part.toString();
    const isOne = text.length === ((text.codePointAt(0) as number) > 0xffff ? 2 : 1);
    if (isOne && Buffer.from(text).equals(part)) return length;
  }
  return 0;
}

/** Returns the path that an argument stands for. */
export function pathOf(argument: string): string | Buffer {
  if (isWindows || !escapedByte.test(argument)) return argument;
  const parts: Buffer[] = [];
  for (const character of argument) {
    parts.push(
      escapedByte.test(character)
        ? Buffer.from([character.charCodeAt(0) - escapeBase])
        : Buffer.from(character),
    );
  }
  return Buffer.concat(parts);
}

/** Returns the path of an option that may be missing. */
export function pathOfOption(argument: string | undefined): string | Buffer | undefined {
  return argument === undefined ? undefined : pathOf(argument);
}

/**
 * Returns the arguments of the process. Bytes that Node could not decode are read again from the
 * system (Linux, proc_pid_cmdline(5)).
 */
export function commandArguments(): string[] {
  const decoded = process.argv.slice(2);
  if (process.platform !== 'linux' || !decoded.some((text) => text.includes(replacement))) {
    return decoded;
  }
  let line: Buffer;
  try {
    line = readFileSync('/proc/self/cmdline');
  } catch {
    return decoded;
  }
  const all = line.toString('latin1').split('\0').slice(0, -1);
  const own = all.slice(all.length - decoded.length).map((text) => Buffer.from(text, 'latin1'));
  // A program that has changed its title no longer has its arguments there.
  const isSame = own.every((bytes, index) => bytes.toString() === decoded[index]);
  return isSame && own.length === decoded.length ? own.map(decodeArgument) : decoded;
}
