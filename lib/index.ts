export {
  type CompareFilesOptions,
  compareFiles,
  type FileComparison,
} from './copy/compare-files.js';
export { type CopyOptions, type CopyReport, copy } from './copy/copy.js';
export { CopyError, type CopyErrorCode, VerifyError } from './copy/copy-errors.js';
export type { DiskOptions } from './copy/disk-options.js';
export type { CopyFallback, FallbackStep } from './copy/fallbacks.js';
export type {
  ChangedPolicy,
  CopyProgress,
  CopyStrategy,
  FileCopyOptions,
  FileCopyReport,
  ReadSource,
  ReplaceOptions,
} from './copy/file-copy-options.js';
export { type HashFileOptions, hashFile } from './copy/hash-file.js';
export { ManifestError, type ManifestErrorCode } from './copy/manifest-error.js';
export type { MetadataOptions, MetadataPart } from './copy/metadata.js';
export type { ByteProgress } from './copy/progress.js';
export type { ChunkOptions, QueueOptions } from './copy/read-chunks.js';
export type { FaultOptions } from './copy/read-faults.js';
export { SourceChangedError } from './copy/source-changed-error.js';
export type { CopyDestination, CopySource } from './copy/stream-ends.js';
export {
  type CleanOptions,
  type CleanReport,
  clean,
  type KeptLeftOver,
  type LeftOver,
} from './copy/tree/clean.js';
export { copyTree, mirror } from './copy/tree/copy-tree.js';
export type { CopyTreeOptions } from './copy/tree/copy-tree-options.js';
export type {
  BadSectors,
  CopyTreeReport,
  RefusedMetadata,
  TreeChange,
  TreeError,
  TreeFallback,
} from './copy/tree/copy-tree-report.js';
export { DeleteRefusedError } from './copy/tree/delete-refused-error.js';
export type { TreeFilterOptions } from './copy/tree/tree-filter.js';
export type { TreeProgress } from './copy/tree/tree-progress.js';
export { UnsupportedFileError } from './copy/tree/unsupported-file-error.js';
export type { VerifyManifestOptions } from './copy/tree/verify-manifest.js';
export {
  type TreeDifference,
  type VerifyTreeOptions,
  type VerifyTreeReport,
  verifyTree,
} from './copy/tree/verify-tree.js';
export type { InterruptedUpdate } from './copy/update-marker.js';
export {
  type ManifestReport,
  type VerifyOptions,
  type VerifyReport,
  verify,
} from './copy/verify.js';
export { engine } from './engine/facts.js';
export type { EngineKind, EngineStats } from './engine/native.js';
export type {
  DirectoryHandle,
  DirectoryReadOptions,
  DirectoryStatOptions,
  NewNameOptions,
  RenameOptions,
} from './file-handle/directory-handle.js';
export type { FileHandle } from './file-handle/file-handle.js';
export type { ReadFileOptions, WriteData, WriteFileOptions } from './file-handle/whole-file.js';
export { listStreams } from './functions/list-streams.js';
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
export type { DeviceType } from './handle/opened-file.js';
export type { CloseOptions, StatHandleOptions } from './handle/public-handle.js';
export type { SeekOrigin } from './handle/seek.js';
export type { ShareAccess, ShareMode } from './handle/share-mode.js';
export type { AllocatedRangesOptions, FileRange } from './handle/sparse.js';
export type {
  ReadOptions,
  ReadResult,
  ReadVectorResult,
  TransferOptions,
  WriteResult,
  WriteVectorResult,
} from './handle/transfer-result.js';
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
export type { StreamInfo } from './win32/named-streams.js';
export type { ReparsePoint } from './win32/reparse-point.js';
