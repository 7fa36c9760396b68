import { Buffer } from 'node:buffer';
import process from 'node:process';

// Names of Windows are any sequence of 16-bit units, so they may have half of a surrogate pair.
// The addon and libuv write such a half as three bytes, and everything else in UTF-8:
// https://simonsapin.github.io/wtf-8/

const isWindows = process.platform === 'win32';
const replacement = '\ufffd';
const half = /\p{Surrogate}/gu;
/** The first byte of every half, and of the characters from U+D000 to U+D7FF. */
const halfLead = 0xed;

/** Returns the text of bytes in WTF-8. */
export function decodeWtf8(bytes: Buffer): string {
  let text = '';
  let start = 0;
  for (let at = bytes.indexOf(halfLead); at >= 0; at = bytes.indexOf(halfLead, at + 1)) {
    const [second = 0, third = 0] = bytes.subarray(at + 1, at + 3);
    if (second < 0xa0 || second > 0xbf || third < 0x80 || third > 0xbf) continue;
    const unit = 0xd000 | ((second & 0x3f) << 6) | (third & 0x3f);
    text += bytes.toString('utf8', start, at) + String.fromCharCode(unit);
    start = at + 3;
  }
  return text + bytes.toString('utf8', start);
}

/** Returns a text as bytes in WTF-8. */
export function encodeWtf8(text: string): Buffer {
  const parts: Buffer[] = [];
  let start = 0;
  for (const { index } of text.matchAll(half)) {
    const unit = text.charCodeAt(index);
    parts.push(Buffer.from(text.slice(start, index)));
    parts.push(Buffer.from([halfLead, 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)]));
    start = index + 1;
  }
  return start === 0
    ? Buffer.from(text)
    : Buffer.concat([...parts, Buffer.from(text.slice(start))]);
}

/** Returns the text of names, paths and targets of links; on Windows no name is lost. */
export function pathText(bytes: Buffer): string {
  const text = bytes.toString();
  return isWindows && text.includes(replacement) ? decodeWtf8(bytes) : text;
}

/** Returns names, paths and targets of links as bytes; on Windows no name is lost. */
export function pathBytes(text: string): Buffer {
  return isWindows ? encodeWtf8(text) : Buffer.from(text);
}
