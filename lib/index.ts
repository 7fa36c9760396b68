export { type CompareOptions, type Comparison, compareFiles } from './copy/compare-files.js';
export { copy } from './copy/copy.js';
export { CopyError, type CopyErrorCode, VerifyError } from './copy/copy-errors.js';
export type {
  CopyOptions,
  CopyProgress,
  CopyReport,
  CopyStrategy,
} from './copy/copy-options.js';
export { type HashOptions, hashFile } from './copy/hash-file.js';
export type { MetadataOptions, MetadataPart } from './copy/metadata.js';
export type { Progress } from './copy/progress.js';
export { SourceChangedError } from './copy/source-changed-error.js';
export {
  type CopyTreeReport,
  copyTree,
  type RefusedMetadata,
  type TreeError,
} from './copy/tree/copy-tree.js';
export type { CopyTreeOptions, TreeProgress } from './copy/tree/copy-tree-options.js';
export type { FilterOptions } from './copy/tree/tree-filter.js';
export { UnsupportedFileError } from './copy/tree/unsupported-file-error.js';
export {
  type TreeDifference,
  type VerifyTreeOptions,
  type VerifyTreeReport,
  verifyTree,
} from './copy/tree/verify-tree.js';
export { engine } from './engine/engine.js';
export type { EngineKind, EngineStats } from './engine/native.js';
export type {
  DirectoryHandle,
  DirectoryReadOptions,
  DirectoryStatOptions,
  NewNameOptions,
  RenameOptions,
} from './file-handle/directory-handle.js';
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
} from './file-handle/file-handle.js';
export type { Data, ReadFileOptions, WriteFileOptions } from './file-handle/whole-file.js';
export { type OpenDirectoryOptions, openDirectory } from './functions/open-directory.js';
export {
  allocatedSize,
  type FileAttributes,
  getAttributes,
  type PathAttributeOptions,
  type SettableAttributes,
  setAttributes,
} from './handle/attributes.js';
export type { EntryName } from './handle/entry-name.js';
export type { LockOptions, LockRange } from './handle/locks.js';
export type { FileTime } from './handle/new-times.js';
export type { OpenOptions, WindowsOpenOptions } from './handle/open-options.js';
export type { SeekOrigin } from './handle/seek.js';
export type { ShareAccess, ShareMode } from './handle/share-mode.js';
export type { FileRange, RangeOptions } from './handle/sparse.js';
export { AbortError, type SystemError } from './node/errors.js';
export type { PathLike } from './node/paths.js';
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
export type { ChunksOptions } from './streams/chunks.js';
export {
  createReadStream,
  createWriteStream,
  type ReadStreamOptions,
  type WindowedWriteStream,
  type WriteStreamOptions,
} from './streams/file-streams.js';
export { allocAligned } from './transfer/aligned-buffer.js';
export { type Alignment, AlignmentError, type AlignmentField } from './transfer/alignment.js';
export type { WindowOptions } from './transfer/window.js';
export { listStreams, type StreamInfo } from './win32/named-streams.js';
export type { ReparsePoint } from './win32/reparse-point.js';
