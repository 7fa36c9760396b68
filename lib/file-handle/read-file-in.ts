import { Buffer } from 'node:buffer';
import { constants } from 'node:fs';
import type { Completion } from '../engine/completion.js';
import { readWholeIn } from '../engine/directory-requests.js';
import { type EntryName, showName } from '../handle/entry-name.js';
import { coreOfOpened } from '../handle/open.js';
import { decodeOpened, type OpenedFile } from '../handle/opened-file.js';
import { systemErrorOf } from '../node/errors.js';
import type { DirectoryHandle } from './directory-handle.js';
import { readWholeFile } from './whole-file.js';

const { O_RDONLY, O_NONBLOCK = 0 } = constants;
const toRead = O_RDONLY | O_NONBLOCK;
const access = { readable: true, writable: false, append: false };

// A large file is returned open.
function decodeContent(completion: Completion): Buffer | OpenedFile {
  return completion.takeContent() ?? decodeOpened(completion);
}

/**
 * Reads a regular file of a directory, in one operation if it is small. Links are not followed, and
 * a FIFO is not waited for.
 * @throws EINVAL if the file is not regular; ENOENT, ELOOP, EACCES, …; AbortError
 */
export async function readFileIn(
  directory: DirectoryHandle,
  name: EntryName,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const subject = { syscall: 'openat', path: showName(name) };
  const read = await directory.core.operate<Buffer | OpenedFile>({
    ...readWholeIn({ name, flags: toRead }),
    subject,
    decode: decodeContent,
    signal,
  });
  if (Buffer.isBuffer(read)) return read;
  const core = coreOfOpened(read, access);
  try {
    if (!(await core.stat()).isFile()) {
      throw systemErrorOf('EINVAL', subject, 'the file is not a regular file');
    }
    return (await readWholeFile(core, { signal })) as Buffer;
  } finally {
    await core.close();
  }
}
