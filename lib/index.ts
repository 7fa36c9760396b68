export { allocAligned } from './aligned-buffer.js';
export { type Alignment, AlignmentError, type AlignmentField } from './alignment.js';
export {
  allocatedSize,
  type FileAttributes,
  getAttributes,
  type PathAttributeOptions,
  type SettableAttributes,
  setAttributes,
} from './attributes.js';
export { type CompareOptions, type Comparison, compareFiles } from './copy/compare-files.js';
export { copy } from './copy/copy.js';
export { CopyError, type CopyErrorCode, VerifyError } from './copy/copy-errors.js';
export type {
  CopyOptions,
  CopyProgress,
  CopyReport,
  CopyStrategy,
} from './copy/copy-options.js';
export {
  type CopyTreeReport,
  copyTree,
  type RefusedMetadata,
  type TreeError,
} from './copy/copy-tree.js';
export type { CopyTreeOptions, TreeProgress } from './copy/copy-tree-options.js';
export { type HashOptions, hashFile } from './copy/hash-file.js';
export type { MetadataOptions, MetadataPart } from './copy/metadata.js';
export type { Progress } from './copy/progress.js';
export { SourceChangedError } from './copy/source-changed-error.js';
export type { FilterOptions } from './copy/tree-filter.js';
export { UnsupportedFileError } from './copy/unsupported-file-error.js';
export {
  type TreeDifference,
  type VerifyTreeOptions,
  type VerifyTreeReport,
  verifyTree,
} from './copy/verify-tree.js';
export type { CreateOptions, ShareAccess } from './create-options.js';
export { engine } from './engine/engine.js';
export type { EngineKind, EngineStats } from './engine/native.js';
export { AbortError, type SystemError } from './errors.js';
export type {
  CloseOptions,
  DeviceType,
  FileHandle,
  ReadOptions,
  ReadResult,
  ReadVectorResult,
  TransferOptions,
  WriteResult,
  WriteVectorResult,
} from './file-handle.js';
export type { LockOptions, LockRange } from './locks.js';
export type { OpenOptions } from './open-options.js';
export type { PathLike } from './paths.js';
export {
  type AnyFileHandle,
  access,
  appendFile,
  type CopyFileOptions,
  chmod,
  chown,
  constants,
  copyFile,
  cp,
  type DisposableTempDir,
  type GlobOptions,
  glob,
  lchmod,
  lchown,
  link,
  lstat,
  lutimes,
  mkdir,
  mkdtemp,
  mkdtempDisposable,
  open,
  opendir,
  type ReaddirOptions,
  type ReadFilePathOptions,
  type RmOptions,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  rmdir,
  type StatOptions,
  stat,
  statfs,
  symlink,
  truncate,
  unlink,
  utimes,
  type WriteFilePathOptions,
  watch,
  writeFile,
} from './promises.js';
export type { SeekOrigin } from './seek.js';
export type { FileRange, RangeOptions } from './sparse.js';
export type { ChunksOptions } from './streams/chunks.js';
export {
  createReadStream,
  createWriteStream,
  type ReadStreamOptions,
  type WindowedWriteStream,
  type WriteStreamOptions,
} from './streams/file-streams.js';
export type { WindowOptions } from './streams/window.js';
export type { Data, ReadFileOptions, WriteFileOptions } from './whole-file.js';
export { listStreams, type StreamInfo } from './win32/named-streams.js';
export type { ReparsePoint } from './win32/reparse-point.js';
