import type { Alignment } from '../transfer/alignment.js';

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** Formats bytes as `1.5 GiB`. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const shown = Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 2 : 1);
  return `${shown} ${units[unit]}`;
}

/** Formats a rate as `1.5 GiB/s`, in the units of bytesText(). */
export function rateText(bytesPerSecond: number): string {
  return `${bytesText(Math.round(bytesPerSecond))}/s`;
}

/** Formats seconds as `1:02:03` or `0:05`; `-:--` if unknown. */
export function durationText(seconds: number): string {
  if (!Number.isFinite(seconds)) return '-:--';
  const whole = Math.ceil(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = two(whole % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** Formats milliseconds as `0.123 s`. */
export function secondsText(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 3 : 1)} s`;
}

/** Formats a number as `3,000,001`. */
export function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

/** Formats a count as `1 file` or `2 files`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

const controlCharacters = /[\p{Cc}\u2028\u2029]/gu;
const shortEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeOf(character: string): string {
  const code = character.charCodeAt(0).toString(16);
  const whole = code.length > 2 ? `\\u${code}` : `\\x${code.padStart(2, '0')}`;
  return shortEscapes[character] ?? whole;
}

/** Escapes text for one line of a terminal: file names may hold line ends and escape sequences. */
export function printable(text: string): string {
  return text.replace(controlCharacters, escapeOf);
}

/** Formats the alignment that an unbuffered handle requires. */
export function alignmentText({ position, length, memory }: Alignment): string {
  return `position ${position}, length ${length}, memory ${memory} bytes`;
}
