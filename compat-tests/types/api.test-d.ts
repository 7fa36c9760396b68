// Compiled by `npm run typecheck`, not run: the parameter and result types of the functions.
import type { BigIntStats, Dirent, Stats } from 'node:fs';
import type { ReadableStream } from 'node:stream/web';
import type { Readable, Writable } from 'streamx';
import { expectTypeOf } from 'vitest';
import {
  type AbortError,
  type Alignment,
  AlignmentError,
  type AlignmentField,
  allocAligned,
  allocatedSize,
  appendFile,
  type CleanReport,
  type CopyProgress,
  type CopyReport,
  type CopyTreeReport,
  clean,
  compareFiles,
  copy,
  copyTree,
  type DirectoryHandle,
  type EngineKind,
  engine,
  type FileAttributes,
  type FileCopyReport,
  type FileHandle,
  type FileRange,
  type FileTime,
  getAttributes,
  hashFile,
  listStreams,
  type ManifestReport,
  mirror,
  type OpenOptions,
  open,
  openDirectory,
  type ReadResult,
  type RenameOptions,
  readFile,
  type ShareAccess,
  type StreamInfo,
  stat,
  type TreeDifference,
  type TreeProgress,
  type VerifyReport,
  verify,
  verifyTree,
  type WriteResult,
  writeFile,
} from '../../lib/index.js';

import * as streamx from '../../lib/streams/streamx.js';
import * as web from '../../lib/streams/web.js';

declare const handle: FileHandle;
declare const words: Uint16Array;
declare const view: DataView;
declare const signal: AbortSignal;
declare const encoding: BufferEncoding;

expectTypeOf(open).returns.resolves.toEqualTypeOf<FileHandle>();
expectTypeOf(openDirectory).returns.resolves.toEqualTypeOf<DirectoryHandle>();
declare const directory: DirectoryHandle;
expectTypeOf(directory.open('x', 'r+')).resolves.toEqualTypeOf<FileHandle>();
expectTypeOf(directory.openDirectory('x')).resolves.toEqualTypeOf<DirectoryHandle>();
expectTypeOf(directory.readdir()).resolves.toEqualTypeOf<string[]>();
expectTypeOf(directory.readdir('buffer')).resolves.toEqualTypeOf<Buffer<ArrayBuffer>[]>();
expectTypeOf(directory.readdir({ withFileTypes: true })).resolves.toEqualTypeOf<Dirent[]>();
expectTypeOf(directory.lstat('x')).resolves.toEqualTypeOf<Stats>();
expectTypeOf(directory.lstat('x', { bigint: true })).resolves.toEqualTypeOf<BigIntStats>();
expectTypeOf(directory.readlink('x')).resolves.toEqualTypeOf<string>();
expectTypeOf(directory.rename).parameter(2).toEqualTypeOf<RenameOptions | undefined>();
expectTypeOf<FileTime>().toEqualTypeOf<number | string | Date | bigint>();
expectTypeOf(open('x', 'r+', { unbuffered: 'prefer' })).resolves.toEqualTypeOf<FileHandle>();
expectTypeOf(open(Buffer.from('x'), 0, 0o666)).resolves.toEqualTypeOf<FileHandle>();
expectTypeOf(open(new URL('file:///x'), null, '644')).resolves.toEqualTypeOf<FileHandle>();
expectTypeOf<OpenOptions['unbuffered']>().toEqualTypeOf<boolean | 'prefer' | undefined>();
expectTypeOf<OpenOptions['access']>().toEqualTypeOf<'sequential' | 'random' | undefined>();
// @ts-expect-error unknown option
open('x', 'r', { unbufered: true });
// @ts-expect-error unknown access hint
open('x', 'r', { access: 'backwards' });
// @ts-expect-error a path is not a number
open(5);

// The returned buffer has the type of the given one.
expectTypeOf(handle.read()).resolves.toEqualTypeOf<ReadResult<Buffer>>();
expectTypeOf(handle.read({ position: 5n })).resolves.toEqualTypeOf<ReadResult<Buffer>>();
expectTypeOf(handle.read(words)).resolves.toEqualTypeOf<ReadResult<Uint16Array>>();
expectTypeOf(handle.read(words, 0, 4, 5n)).resolves.toEqualTypeOf<ReadResult<Uint16Array>>();
expectTypeOf(handle.read(view, { signal })).resolves.toEqualTypeOf<ReadResult<DataView>>();
expectTypeOf(handle.read({ buffer: view })).resolves.toEqualTypeOf<ReadResult<DataView>>();
expectTypeOf(handle.read(words, null, null, null)).resolves.toEqualTypeOf<
  ReadResult<Uint16Array>
>();
expectTypeOf<ReadResult<Uint16Array>>().toEqualTypeOf<{
  bytesRead: number;
  buffer: Uint16Array;
}>();
// @ts-expect-error a number is not a buffer
handle.read(5);
// @ts-expect-error a position is not a string
handle.read(words, 0, 4, '5');

expectTypeOf(handle.write(words)).resolves.toEqualTypeOf<WriteResult<Uint16Array>>();
expectTypeOf(handle.write(view, { position: 5n })).resolves.toEqualTypeOf<WriteResult<DataView>>();
expectTypeOf(handle.write('text')).resolves.toEqualTypeOf<WriteResult<string>>();
expectTypeOf(handle.write('text', 5n, 'latin1')).resolves.toEqualTypeOf<WriteResult<string>>();
expectTypeOf<WriteResult<string>>().toEqualTypeOf<{ bytesWritten: number; buffer: string }>();
// @ts-expect-error unknown encoding
handle.write('text', 0, 'no encoding');
// @ts-expect-error a number is not data
handle.write(5);

expectTypeOf(handle.readv([words, view])).resolves.toEqualTypeOf<{
  bytesRead: number;
  buffers: (Uint16Array | DataView)[];
}>();
expectTypeOf(handle.writev([words], 5n)).resolves.toEqualTypeOf<{
  bytesWritten: number;
  buffers: Uint16Array[];
}>();

expectTypeOf(handle.stat()).resolves.toEqualTypeOf<Stats>();
expectTypeOf(handle.stat({ bigint: false })).resolves.toEqualTypeOf<Stats>();
expectTypeOf(handle.stat({ bigint: true, signal })).resolves.toEqualTypeOf<BigIntStats>();
expectTypeOf(stat('x')).resolves.toEqualTypeOf<Stats>();
expectTypeOf(stat('x', { bigint: true })).resolves.toEqualTypeOf<BigIntStats>();
expectTypeOf(stat('x', { bigint: Boolean(1) })).resolves.toEqualTypeOf<Stats | BigIntStats>();

expectTypeOf(readFile('x')).resolves.toEqualTypeOf<Buffer<ArrayBuffer>>();
expectTypeOf(readFile('x', null)).resolves.toEqualTypeOf<Buffer<ArrayBuffer>>();
expectTypeOf(readFile('x', { signal })).resolves.toEqualTypeOf<Buffer<ArrayBuffer>>();
expectTypeOf(readFile('x', 'utf8')).resolves.toEqualTypeOf<string>();
expectTypeOf(readFile('x', { encoding: 'hex', flag: 'r+' })).resolves.toEqualTypeOf<string>();
expectTypeOf(readFile(handle, encoding)).resolves.toEqualTypeOf<string>();
expectTypeOf(handle.readFile()).resolves.toEqualTypeOf<Buffer<ArrayBuffer>>();
expectTypeOf(handle.readFile({ encoding: null })).resolves.toEqualTypeOf<Buffer<ArrayBuffer>>();
expectTypeOf(handle.readFile('latin1')).resolves.toEqualTypeOf<string>();

async function* parts(): AsyncGenerator<string | Uint8Array> {
  yield 'x';
}
expectTypeOf(writeFile('x', 'text', { flush: true, mode: 0o600 })).resolves.toEqualTypeOf<void>();
expectTypeOf(writeFile('x', parts(), { signal })).resolves.toEqualTypeOf<void>();
expectTypeOf(writeFile(handle, ['a', words])).resolves.toEqualTypeOf<void>();
expectTypeOf(appendFile('x', view)).resolves.toEqualTypeOf<void>();
expectTypeOf(handle.writeFile(parts())).resolves.toEqualTypeOf<void>();
// @ts-expect-error a number is not data
writeFile('x', 5);

expectTypeOf(handle.close()).resolves.toEqualTypeOf<void>();
expectTypeOf(handle[Symbol.asyncDispose]()).resolves.toEqualTypeOf<void>();
expectTypeOf(handle.truncate(5)).resolves.toEqualTypeOf<void>();
expectTypeOf(handle.sync()).resolves.toEqualTypeOf<void>();
expectTypeOf(handle.datasync()).resolves.toEqualTypeOf<void>();
expectTypeOf(handle.fd).toEqualTypeOf<number>();
expectTypeOf(handle.alignment).toEqualTypeOf<Alignment | null>();
expectTypeOf<Alignment>().toEqualTypeOf<{
  readonly position: number;
  readonly length: number;
  readonly memory: number;
}>();

expectTypeOf(allocAligned(4096)).toEqualTypeOf<Buffer>();
expectTypeOf(AlignmentError.prototype).toExtend<RangeError>();
expectTypeOf<AlignmentError['code']>().toEqualTypeOf<'ERR_UNALIGNED'>();
expectTypeOf<AlignmentError['field']>().toEqualTypeOf<AlignmentField>();
expectTypeOf<AlignmentError['value']>().toEqualTypeOf<number | bigint>();
expectTypeOf<AlignmentError['required']>().toEqualTypeOf<number>();

expectTypeOf(engine.kind).toEqualTypeOf<EngineKind>();
expectTypeOf<EngineKind>().toEqualTypeOf<'iocp' | 'uring' | 'threadpool'>();
expectTypeOf(engine.reason).toEqualTypeOf<string | null>();
expectTypeOf(engine.stats().inFlight).toEqualTypeOf<number>();

// The public types contain no `any`.
expectTypeOf(open).parameter(2).not.toBeAny();
expectTypeOf(handle.read).returns.resolves.not.toBeAny();
expectTypeOf(handle.write).returns.resolves.not.toBeAny();
expectTypeOf(readFile).returns.resolves.not.toBeAny();
expectTypeOf(stat).returns.resolves.not.toBeAny();
expectTypeOf(engine.stats()).not.toBeAny();

expectTypeOf<OpenOptions['share']>().toEqualTypeOf<
  'all' | 'none' | ShareAccess | readonly ShareAccess[] | undefined
>();
// @ts-expect-error unknown access
open('x', 'r', { share: ['execute'] });
// @ts-expect-error the kind of a file cannot be set
open('x', 'w', { windows: { attributes: { directory: true } } });
expectTypeOf(handle.lock({ position: 1n, length: 2, signal })).resolves.toBeVoid();
// @ts-expect-error a lock has a length in bytes, not an end
handle.lock({ position: 0, end: 5 });
expectTypeOf(handle.seek(1n, 'end')).resolves.toBeNumber();
expectTypeOf(handle.cancel()).toBeVoid();
expectTypeOf(handle.close({ cancel: true })).resolves.toBeVoid();
expectTypeOf(handle.allocatedRanges()).toExtend<AsyncIterable<FileRange>>();
expectTypeOf(handle.getAttributes()).resolves.toEqualTypeOf<FileAttributes>();
expectTypeOf(getAttributes('x')).resolves.toEqualTypeOf<FileAttributes>();
expectTypeOf(allocatedSize('x')).resolves.toBeNumber();
expectTypeOf(listStreams('x')).resolves.toEqualTypeOf<StreamInfo[]>();
expectTypeOf<AbortError['bytesMayHaveMoved']>().toBeBoolean();

expectTypeOf(streamx.createReadStream('x', { unbuffered: true })).toExtend<Readable>();
expectTypeOf(streamx.createWriteStream(null, { fd: handle })).toExtend<Writable>();
streamx.createWriteStream('x').on('progress', (position) => {
  expectTypeOf(position).toEqualTypeOf<number>();
});
expectTypeOf(web.createReadableStream('x', { signal })).toEqualTypeOf<ReadableStream<Uint8Array>>();
expectTypeOf(web.createWritableStream('x').flushedPosition).toEqualTypeOf<number>();
expectTypeOf(handle.writableWebStream({ autoClose: true })).toEqualTypeOf<web.FileWritableStream>();
// @ts-expect-error a descriptor is not a handle of this package
streamx.createReadStream(null, { fd: 5 });

// Copies, digests and comparisons.
expectTypeOf(copy('a', Buffer.from('b'))).resolves.toEqualTypeOf<CopyReport>();
expectTypeOf(copy(new URL('file:///a'), 'b', { signal })).resolves.toEqualTypeOf<CopyReport>();
copy('a', 'b', {
  metadata: { times: true, xattrs: false },
  onProgress: (progress) => expectTypeOf(progress).toEqualTypeOf<CopyProgress>(),
});
expectTypeOf(copy('a', 'b', { recursive: false })).resolves.toEqualTypeOf<FileCopyReport>();
expectTypeOf<CopyReport['kind']>().toEqualTypeOf<'file' | 'folder'>();
expectTypeOf<Extract<CopyReport, { kind: 'file' }>>().toEqualTypeOf<FileCopyReport>();
expectTypeOf<FileCopyReport['strategy']>().toEqualTypeOf<'clone' | 'offload' | 'engine' | 'none'>();
expectTypeOf(mirror('a', 'b', { dryRun: true })).resolves.toEqualTypeOf<CopyTreeReport>();
expectTypeOf(verify('a', 'b')).resolves.toEqualTypeOf<VerifyReport>();
// @ts-expect-error unknown strategy
copy('a', 'b', { strategy: 'fast' });
// @ts-expect-error unknown part
copy('a', 'b', { metadata: { colour: true } });
expectTypeOf(hashFile('a', { encoding: 'base64url' })).resolves.toEqualTypeOf<string>();
expectTypeOf(hashFile(handle)).resolves.toEqualTypeOf<string>();
expectTypeOf(hashFile(process.stdin)).resolves.toEqualTypeOf<string>();
expectTypeOf(compareFiles('a', 'b')).resolves.toEqualTypeOf<{
  equal: boolean;
  firstDifference: number | null;
  sizes: [number, number];
}>();
// @ts-expect-error handles cannot be compared
compareFiles(handle, 'b');

// Trees.
expectTypeOf(copyTree('a', Buffer.from('b'))).resolves.toEqualTypeOf<CopyTreeReport>();
copyTree(new URL('file:///a'), 'b', {
  include: ['x'],
  metadata: { times: true },
  verify: true,
  onProgress: (progress) => expectTypeOf(progress).toEqualTypeOf<TreeProgress>(),
  onError: (error, path) => expectTypeOf([error, path]).toEqualTypeOf<unknown[]>(),
});
// @ts-expect-error patterns must be a list
copyTree('a', 'b', { exclude: 'x' });
copyTree('a', 'b', { hash: 'sha512', manifest: 'b.sha512', retries: 2, badSectors: 'zero' });
expectTypeOf(verify('a', { manifest: 'a.sha256' })).resolves.toEqualTypeOf<ManifestReport>();
// @ts-expect-error without a manifest there must be another side
verify('a', {});
expectTypeOf(clean('a', { partial: true, dryRun: true })).resolves.toEqualTypeOf<CleanReport>();
expectTypeOf(verifyTree('a', 'b', { unbuffered: 'prefer' })).resolves.toEqualTypeOf<{
  files: number;
  bytes: number;
  readFrom: 'disk' | 'cache';
  differences: TreeDifference[];
  unfinished: string[];
}>();
