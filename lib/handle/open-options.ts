import { constants } from 'node:fs';
import process from 'node:process';
import { OpenOption } from '../engine/opcodes.js';
import { invalidArgValue, unavailable } from '../node/errors.js';
import { noOptions } from '../node/own-options.js';
import {
  validateBoolean,
  validateInteger,
  validateObject,
  validateOneOf,
  validateSignal,
} from '../node/validate.js';
import { attributeBits, type SettableAttributes } from './attributes.js';
import { parseFlags, parseMode } from './open-flags.js';
import { type ShareMode, shareBits } from './share-mode.js';

// To add an option of open(), add it to OpenOptions or WindowsOpenOptions and give it a row in the
// table below. Its parser and the streams that accept it follow from that row. docs/api/open.md has
// the comments of the two interfaces; a test compares them.

/** Options for opening a file, in addition to Node's flags. */
export interface OpenOptions {
  /** Permission bits of a new file, less the umask. Default 0o666. */
  mode?: number | string | undefined;
  /**
   * Transfers bypass the system's cache (O_DIRECT, FILE_FLAG_NO_BUFFERING, F_NOCACHE) and must be
   * aligned to `handle.alignment`. `true` fails with EINVAL if the file system refuses that;
   * with 'prefer' the file then opens buffered (its alignment is null). Default false.
   */
  unbuffered?: boolean | 'prefer' | undefined;
  /**
   * A write completes when the device has the data (O_DSYNC, FILE_FLAG_WRITE_THROUGH). Default
   * false.
   */
  writeThrough?: boolean | undefined;
  /** A hint about the order of reads (posix_fadvise, FILE_FLAG_SEQUENTIAL_SCAN, RANDOM_ACCESS). */
  access?: 'sequential' | 'random' | undefined;
  /**
   * Transfers leave the system's cache as it was, at any alignment: pages that they bring into it
   * leave it again, and pages that were there stay (RWF_DONTCACHE; posix_fadvise after each
   * transfer on file systems and kernels that lack it; F_NOCACHE on macOS). `true` fails where
   * neither is possible, such as on tmpfs (ENOTSUP) and on Windows
   * (ERR_FEATURE_UNAVAILABLE_ON_PLATFORM); with 'prefer' the file then uses the cache. Default
   * false.
   */
  dontCache?: boolean | 'prefer' | undefined;
  /**
   * The priority of transfers at the disk: 'idle' waits until no one else uses it, 'low' comes
   * after others (ioprio_set, FileIoPriorityHintInfo). The disk's scheduler decides what that
   * means, and on Linux some ignore it. Buffered writes reach the disk later, with the system's own
   * priority. Fails with ERR_FEATURE_UNAVAILABLE_ON_PLATFORM on other systems.
   */
  ioPriority?: 'idle' | 'low' | undefined;
  /**
   * Closing the handle deletes the file, as does the death of the process. On Windows the name
   * stays until then (FILE_FLAG_DELETE_ON_CLOSE); POSIX removes the name immediately (unlink).
   * Default false.
   */
  deleteOnClose?: boolean | undefined;
  /**
   * Bytes of disk space to reserve without changing the file's size (fallocate,
   * FileAllocationInfo). If the disk lacks the space, open() fails with ENOSPC rather than a later
   * write. Default 0.
   */
  preallocate?: number | undefined;
  /**
   * The access that other handles may have while this one is open: 'all', 'none', or a list of
   * 'read', 'write' and 'delete'. A conflicting open fails with EBUSY. Default 'all',
   * as in Node. POSIX uses advisory locks: they bind only handles that also request a share mode,
   * they cannot keep a name from being removed, and they cannot permit writing without reading.
   */
  share?: ShareMode | undefined;
  /**
   * Opens the file only for its status and attributes (access 0, O_PATH). That needs no permission
   * to its data and ignores share modes. Requires flags 'r'. Default false.
   */
  attributesOnly?: boolean | undefined;
  /** Child processes inherit the handle (bInheritHandle, no O_CLOEXEC). Default false. */
  inheritable?: boolean | undefined;
  /** Options of CreateFile, see below. */
  windows?: WindowsOpenOptions | undefined;
  /** Aborts the opening. */
  signal?: AbortSignal | undefined;
}

/**
 * Options of open() that come from CreateFile. Other systems accept those that they support under
 * another name, and refuse the rest with ERR_FEATURE_UNAVAILABLE_ON_PLATFORM.
 */
export interface WindowsOpenOptions {
  /**
   * Opens the file regardless of its permissions, by SeBackupPrivilege, and for writing by
   * SeRestorePrivilege; both are enabled only for this call. Fails with EPERM without them. Windows
   * only. Default false.
   */
  backupIntent?: boolean | undefined;
  /**
   * Distinguishes names that differ only in case (FILE_FLAG_POSIX_SEMANTICS), as Linux always does.
   * Default false.
   */
  posixSemantics?: boolean | undefined;
  /**
   * Opens a link, or another reparse point, itself. On Linux a symbolic link opens without access
   * to data (O_PATH | O_NOFOLLOW) and fails with ELOOP when opened for writing. Default false.
   */
  openReparsePoint?: boolean | undefined;
  /** Leaves data on remote storage (FILE_FLAG_OPEN_NO_RECALL). Windows only. Default false. */
  noRecall?: boolean | undefined;
  /** Attributes of a new file. Systems other than Windows support `readOnly` and `normal`. */
  attributes?: SettableAttributes | undefined;
}

/** An open request to the addon. */
export interface OpenRequest {
  flags: number;
  mode: number;
  /** OpenOption bits. */
  options: number;
  preallocate: number;
  /** FILE_ATTRIBUTE_* bits. */
  attributes: number;
  signal: AbortSignal | undefined;
}

/** The table row of one option of open(). */
interface OptionRow {
  /** Validates a value that is not undefined, and writes it into the request. */
  readonly apply: (request: OpenRequest, value: unknown, name: string) => void;
  /** Whether the option is refused together with attributesOnly. */
  readonly needsData?: true;
  /** Whether streams do not take the option, because they have their own. */
  readonly notOfStreams?: true;
}
type OptionTable<Names extends string> = { readonly [name in Names]-?: OptionRow };

const isWindows = process.platform === 'win32';
const isLinux = process.platform === 'linux';
const readOnlyAttribute = 1;
const anyWrite = 0o222;

function switchRow(bit: number, isAvailable = true): OptionRow {
  const apply = (request: OpenRequest, value: unknown, name: string): void => {
    validateBoolean(value, name);
    if (!value) return;
    if (!isAvailable) throw unavailable(name);
    request.options |= bit;
  };
  return { apply };
}

/** The options of open() in `windows`. */
export const windowsOpenOptions: OptionTable<keyof WindowsOpenOptions> = {
  backupIntent: switchRow(OpenOption.backupIntent, isWindows),
  posixSemantics: switchRow(OpenOption.posixSemantics, isWindows || isLinux),
  openReparsePoint: switchRow(OpenOption.openReparsePoint, isWindows || isLinux),
  noRecall: switchRow(OpenOption.noRecall, isWindows),
  attributes: {
    apply(request, value, name) {
      request.attributes = attributeBits(value as SettableAttributes, name);
      if (isWindows || !(request.attributes & readOnlyAttribute)) return;
      request.mode &= ~anyWrite;
      request.attributes &= ~readOnlyAttribute;
    },
  },
};

/** All options of open(), in the order in which they are applied. */
export const openOptions: OptionTable<keyof OpenOptions> = {
  mode: {
    apply(request, value) {
      request.mode = parseMode(value, request.mode);
    },
    notOfStreams: true,
  },
  unbuffered: {
    apply(request, value, name) {
      validateOneOf(value, name, [true, false, 'prefer']);
      if (value === true) request.options |= OpenOption.unbuffered;
      if (value === 'prefer') request.options |= OpenOption.unbufferedPrefer;
    },
    needsData: true,
  },
  writeThrough: {
    ...switchRow(OpenOption.writeThrough),
    needsData: true,
  },
  access: {
    apply(request, value, name) {
      validateOneOf(value, name, ['sequential', 'random']);
      request.options |= value === 'random' ? OpenOption.accessRandom : OpenOption.accessSequential;
    },
    needsData: true,
  },
  dontCache: {
    apply(request, value, name) {
      validateOneOf(value, name, [true, false, 'prefer']);
      if (value === true && isWindows) throw unavailable(name);
      if (value === true) request.options |= OpenOption.dontCache;
      if (value === 'prefer') request.options |= OpenOption.dontCachePrefer;
    },
    needsData: true,
  },
  ioPriority: {
    apply(request, value, name) {
      validateOneOf(value, name, ['idle', 'low']);
      if (!isWindows && !isLinux) throw unavailable(name);
      request.options |= value === 'idle' ? OpenOption.ioIdle : OpenOption.ioLow;
    },
    needsData: true,
  },
  deleteOnClose: switchRow(OpenOption.deleteOnClose),
  preallocate: {
    apply(request, value, name) {
      validateInteger(value, name, 0);
      request.preallocate = value;
    },
    needsData: true,
  },
  share: {
    apply(request, value, name) {
      request.options |= shareBits(value, name);
    },
  },
  attributesOnly: switchRow(OpenOption.attributesOnly, isWindows || isLinux),
  inheritable: switchRow(OpenOption.inheritable),
  windows: {
    apply(request, value, name) {
      validateObject(value, name);
      applyAll(windowsOpenOptions, request, value, name);
    },
  },
  signal: {
    apply(request, value) {
      validateSignal(value);
      request.signal = value;
    },
    notOfStreams: true,
  },
};

/** Options that streams pass to open() for their file. */
export type StreamOpenOptions = Omit<OpenOptions, 'mode' | 'signal'>;

const optionNames = Object.keys(openOptions) as (keyof OpenOptions)[];
const streamOptionNames = optionNames.filter((name) => !openOptions[name].notOfStreams);
// An option on Object.prototype does not come from the caller: deleteOnClose there would delete
// every file that the program opens.
function optionOf(given: object, name: string): unknown {
  const isForeign = Object.hasOwn(Object.prototype, name) && !Object.hasOwn(given, name);
  return isForeign ? undefined : (given as Record<string, unknown>)[name];
}

/** Returns the options of a stream that are passed to open(). */
export function streamOpenOptionsOf(given: object): StreamOpenOptions {
  if (given === noOptions) return noOptions;
  let options: Record<string, unknown> | undefined;
  for (const name of streamOptionNames) {
    const value = optionOf(given, name);
    if (value === undefined) continue;
    options ??= {};
    options[name] = value;
  }
  return options ?? noOptions;
}

function applyAll<Names extends string>(
  table: OptionTable<Names>,
  request: OpenRequest,
  given: object,
  prefix: string,
): void {
  for (const name of Object.keys(table) as Names[]) {
    const value = optionOf(given, name);
    if (value !== undefined) table[name].apply(request, value, `${prefix}.${name}`);
  }
}

/** Whether an object has any of the options of open(). */
export function isOpenOptions(given: object): boolean {
  return optionNames.some((name) => name in given && !Object.hasOwn(Object.prototype, name));
}

const { O_RDWR, O_WRONLY, O_CREAT, O_TRUNC, O_APPEND, O_DIRECT = 0 } = constants;
const dataFlags = O_RDWR | O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_DIRECT;

function checkAttributesOnly(flags: number, given: object): void {
  if (flags & dataFlags) {
    throw invalidArgValue('flags', flags, "must be 'r' with options.attributesOnly");
  }
  for (const name of optionNames) {
    const value = optionOf(given, name);
    if (!value || !openOptions[name].needsData) continue;
    const reason = 'cannot be combined with options.attributesOnly';
    throw invalidArgValue(`options.${name}`, value, reason);
  }
}

/** Validates the options of a stream for opening its file. */
export function parseStreamOptions(
  flags: unknown,
  mode: number | string | undefined,
  options: StreamOpenOptions,
): OpenRequest {
  return parseOpenOptions(flags, options === noOptions ? mode : { ...options, mode });
}

/** Validates the arguments of open() after the path. */
export function parseOpenOptions(flags: unknown, modeOrOptions: unknown): OpenRequest {
  const request: OpenRequest = {
    flags: parseFlags(flags),
    mode: 0o666,
    options: 0,
    preallocate: 0,
    attributes: 0,
    signal: undefined,
  };
  let isBuffered = false;
  if (modeOrOptions === null || typeof modeOrOptions !== 'object') {
    request.mode = parseMode(modeOrOptions, request.mode);
  } else {
    validateObject(modeOrOptions, 'options');
    applyAll(openOptions, request, modeOrOptions, 'options');
    if (request.options & OpenOption.attributesOnly) {
      checkAttributesOnly(request.flags, modeOrOptions);
    }
    isBuffered = optionOf(modeOrOptions, 'unbuffered') === 'prefer';
  }
  // The flag has the same meaning as the option, but only the option supports 'prefer'.
  if (!isBuffered && request.flags & O_DIRECT) request.options |= OpenOption.unbuffered;
  request.flags &= ~O_DIRECT;
  return request;
}
