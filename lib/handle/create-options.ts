import { constants } from 'node:fs';
import { OpenOption } from '../engine/native.js';
import { invalidArgType, invalidArgValue, unavailable } from '../node/errors.js';
import { validateBoolean } from '../node/validate.js';
import { attributeBits, type CreationAttributes } from './attributes.js';

/** What others may have a file open for while a handle has it. */
export type ShareAccess = 'read' | 'write' | 'delete';

/** The options of open() that come from CreateFile; docs/windows.md has a row for each. */
export interface CreateOptions {
  /**
   * What others may have the file open for meanwhile: 'all', 'none', or a list of 'read', 'write'
   * and 'delete'. Who asks for more, or has what is refused here, gets EBUSY. Default 'all', as in
   * Node. POSIX: advisory locks, which bind only handles that ask for a share mode too; they cannot
   * keep a name from being removed, nor let others write and not read.
   */
  share?: 'all' | 'none' | ShareAccess | readonly ShareAccess[] | undefined;
  /**
   * Opens the file for its attributes and times alone, which neither needs access to its data nor
   * meets a share mode of others (access 0, O_PATH). Goes with flags 'r' only. Default false.
   */
  attributesOnly?: boolean | undefined;
  /** Child processes get the handle too (bInheritHandle, no O_CLOEXEC). Default false. */
  inheritable?: boolean | undefined;
  /**
   * Windows: opens past the rights of the file with SeBackupPrivilege, and for writing with
   * SeRestorePrivilege, which are enabled for this call alone. EPERM without them. Default false.
   */
  backupIntent?: boolean | undefined;
  /** Names that differ in case alone are different (FILE_FLAG_POSIX_SEMANTICS). Default false. */
  posixSemantics?: boolean | undefined;
  /**
   * Opens a link, or another reparse point, itself. Linux: a symbolic link comes as a handle
   * without access to data (O_PATH), and cannot be opened for writing (ELOOP). Default false.
   */
  openReparsePoint?: boolean | undefined;
  /** Windows: data that lies on other storage stays there (OPEN_NO_RECALL). Default false. */
  noRecall?: boolean | undefined;
  /** Attributes of a file that is created. Systems but Windows know `readOnly` and `normal`. */
  attributes?: CreationAttributes | undefined;
}

const isWindows = process.platform === 'win32';
const isLinux = process.platform === 'linux';
const shareAccesses: readonly unknown[] = ['read', 'write', 'delete'] satisfies ShareAccess[];
const { O_RDWR, O_WRONLY, O_CREAT, O_TRUNC, O_APPEND, O_DIRECT = 0 } = constants;
const needsAccess = O_RDWR | O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_DIRECT;

function shareList(share: CreateOptions['share']): readonly unknown[] {
  if (share === undefined || share === 'all') return shareAccesses;
  if (share === 'none') return [];
  if (typeof share === 'string') return [share];
  if (!Array.isArray(share)) {
    throw invalidArgType('options.share', 'of type string or an instance of Array', share);
  }
  return share;
}

function shareBits(share: CreateOptions['share']): number {
  const allowed = shareList(share);
  if (!allowed.every((access) => shareAccesses.includes(access))) {
    const reason = "must be 'all', 'none', or of 'read', 'write', 'delete'";
    throw invalidArgValue('options.share', share, reason);
  }
  const read = allowed.includes('read');
  const write = allowed.includes('write');
  const remove = allowed.includes('delete');
  if (!isWindows && write && !(read && remove)) {
    throw unavailable(`options.share ${JSON.stringify(share)}`);
  }
  return (
    (read ? 0 : OpenOption.denyRead) |
    (write ? 0 : OpenOption.denyWrite) |
    (remove ? 0 : OpenOption.denyDelete)
  );
}

const switches = [
  ['inheritable', true],
  ['attributesOnly', isWindows || isLinux],
  ['backupIntent', isWindows],
  ['posixSemantics', isWindows || isLinux],
  ['openReparsePoint', isWindows || isLinux],
  ['noRecall', isWindows],
] as const;

/** What the options say, as the addon takes it. */
export interface CreateRequest {
  options: number;
  attributes: number;
}

/** Validates the options that come from CreateFile. */
export function parseCreateOptions(given: CreateOptions): CreateRequest {
  let options = shareBits(given.share);
  for (const [name, isAvailable] of switches) {
    const { [name]: value = false } = given;
    validateBoolean(value, `options.${name}`);
    if (!value) continue;
    if (!isAvailable) throw unavailable(`options.${name}`);
    options |= OpenOption[name];
  }
  const attributes =
    given.attributes === undefined ? 0 : attributeBits(given.attributes, 'options.attributes');
  return { options, attributes };
}

const notForAttributes = ['unbuffered', 'writeThrough', 'access', 'preallocate'] as const;

/** Refuses what makes no sense without access to the data. */
export function checkAttributesOnly(
  flags: number,
  given: { readonly [name in (typeof notForAttributes)[number]]?: unknown },
): void {
  if (flags & needsAccess) {
    throw invalidArgValue('flags', flags, "must be 'r' with options.attributesOnly");
  }
  for (const name of notForAttributes) {
    if (given[name]) {
      const reason = 'does not go with options.attributesOnly';
      throw invalidArgValue(`options.${name}`, given[name], reason);
    }
  }
}
