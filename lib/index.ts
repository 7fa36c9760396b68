export { allocAligned } from './aligned-buffer.js';
export { type Alignment, AlignmentError, type AlignmentField } from './alignment.js';
export { engine } from './engine/engine.js';
export type { EngineKind, EngineStats } from './engine/native.js';
export { AbortError, type SystemError } from './errors.js';
export type {
  DeviceType,
  FileHandle,
  ReadOptions,
  ReadResult,
  ReadVectorResult,
  TransferOptions,
  WriteResult,
  WriteVectorResult,
} from './file-handle.js';
export type { OpenOptions } from './open-options.js';
export type { PathLike } from './paths.js';
export {
  appendFile,
  open,
  type ReadFilePathOptions,
  readFile,
  stat,
  type WriteFilePathOptions,
  writeFile,
} from './promises.js';
export type { Data, ReadFileOptions, WriteFileOptions } from './whole-file.js';
