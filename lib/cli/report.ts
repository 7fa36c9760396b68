import { engine } from '../engine/engine.js';
import type { CopyPlan } from './copy-plan.js';
import type { NodeCopy } from './node-copy.js';
import type { CopySettings, VerifiedCopy } from './verified-copy.js';

/** What is about to happen, before it does. */
export function printPlan(plan: CopyPlan, settings: CopySettings): void {
  const { depth, chunkSize, unbuffered } = settings;
  const why = engine.reason === null ? '' : ` (${engine.reason})`;
  console.log(`engine       ${engine.kind}${why}`);
  console.log(`source       ${plan.source}`);
  console.log(`destination  ${plan.destination}`);
  console.log(`bytes        ${grouped(plan.size)}`);
  const cache = unbuffered ? 'past the cache' : 'through the cache';
  console.log(`transfers    ${depth} x ${sizeText(chunkSize)} in flight, ${cache}`);
}

/** What came of it. @param node undefined when node:fs was left out */
export function printResult(
  { size }: CopyPlan,
  settings: CopySettings,
  copy: VerifiedCopy,
  node: NodeCopy | undefined,
): void {
  console.log(`SHA-256      ${copy.sha256}`);
  console.log(`verified     ${grouped(copy.bytes)} bytes, read back and the same`);
  console.log('');
  printRow('', 'copy and sync', 'read back');
  const ours = [rate(size, copy.copySeconds), rate(size, copy.verifySeconds)] as const;
  printRow('overlapped', megabytes(ours[0]), megabytes(ours[1]));
  if (node === undefined) return;
  const theirs = [rate(size, node.copySeconds), rate(size, node.verifySeconds)] as const;
  printRow('node:fs streams', megabytes(theirs[0]), megabytes(theirs[1]));
  if (size === 0) return;
  printRow('ratio', ratio(ours[0], theirs[0]), ratio(ours[1], theirs[1]));
  printComparability(settings);
}

function printComparability({ unbuffered }: CopySettings): void {
  console.log(
    unbuffered
      ? 'Both hash what they read. overlapped reads back from the device, node:fs from the cache.'
      : 'Both hash what they read. node:fs comes second and finds the source in the cache.',
  );
}

function printRow(name: string, ...columns: readonly string[]): void {
  console.log(name.padEnd(17) + columns.map((column) => column.padStart(15)).join(''));
}

/** Bytes per second. */
function rate(bytes: number, seconds: number): number {
  return bytes / Math.max(seconds, 1e-6);
}

function sizeText(bytes: number): string {
  return bytes % 1024 === 0 ? `${bytes / 1024} KiB` : `${bytes} bytes`;
}

function megabytes(bytesPerSecond: number): string {
  if (bytesPerSecond === 0) return '-';
  return `${(bytesPerSecond / 1e6).toFixed(0)} MB/s`;
}

function ratio(ours: number, theirs: number): string {
  return `${(ours / theirs).toFixed(2)}x`;
}

function grouped(number: number): string {
  return number.toLocaleString('en-US');
}
