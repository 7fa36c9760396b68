import { Buffer } from 'node:buffer';
import type { Completion } from '../engine/completion.js';
import { readWholeIn } from '../engine/directory-requests.js';
import { type EntryName, showName } from '../handle/entry-name.js';
import { coreOfOpened } from '../handle/open.js';
import { decodeOpened, type OpenedFile } from '../handle/opened-file.js';
import type { DirectoryHandle } from './directory-handle.js';
import { readWholeFile } from './whole-file.js';

const access = { readable: true, writable: false, append: false };

// A large file is returned open.
function decodeContent(completion: Completion): Buffer | OpenedFile {
  return completion.takeContent() ?? decodeOpened(completion);
}

/** Reads a file of a directory, in one operation if it is small. Links are not followed. */
export async function readFileIn(
  directory: DirectoryHandle,
  name: EntryName,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const read = await directory.core.operate<Buffer | OpenedFile>({
    ...readWholeIn(name),
    subject: { syscall: 'openat', path: showName(name) },
    decode: decodeContent,
    signal,
  });
  if (Buffer.isBuffer(read)) return read;
  const core = coreOfOpened(read, access);
  try {
    return (await readWholeFile(core, { signal })) as Buffer;
  } finally {
    await core.close();
  }
}
