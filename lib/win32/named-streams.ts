import process from 'node:process';
import type { Completion } from '../engine/completion.js';
import { getEngine } from '../engine/engine.js';
import { namedStreamsOf } from '../engine/requests.js';
import { unavailable } from '../node/errors.js';
import { pathText } from '../node/path-text.js';
import { type PathLike, parsePath } from '../node/paths.js';

/** One stream of a file. */
export interface StreamInfo {
  /** The name of the stream; '' is the unnamed stream, the file's ordinary data. */
  name: string;
  /** The type of the stream; '$DATA' for every stream that can be opened as `file:name`. */
  type: string;
  /** The size in bytes. */
  size: number;
}

function decodeStreams(completion: Completion): StreamInfo[] {
  const content = completion.takeContent() as Buffer;
  return parseStreamList(pathText(content));
}

/** @internal Parses the addon's list: each stream's size and name, each ended by a zero. */
export function parseStreamList(text: string): StreamInfo[] {
  const parts = text.split('\0');
  const streams: StreamInfo[] = [];
  for (let i = 0; i + 1 < parts.length; i += 2) {
    // ':name:$DATA'
    const [, name = '', type = ''] = (parts[i + 1] as string).split(':');
    streams.push({ name, type, size: Number(parts[i]) });
  }
  return streams;
}

/**
 * Lists the streams of a file or folder, including the unnamed one (FindFirstStreamW). Open a
 * stream with `open('file:name')`. Windows only.
 * https://learn.microsoft.com/windows/win32/fileio/file-streams
 * @throws ERR_FEATURE_UNAVAILABLE_ON_PLATFORM; a system error, also if the file system has no
 *   streams
 * @example
 * for (const { name, size } of await listStreams('report.docx')) console.log(name, size);
 */
export async function listStreams(path: PathLike): Promise<StreamInfo[]> {
  const { native, shown } = parsePath(path);
  if (process.platform !== 'win32') throw unavailable('listStreams()');
  return getEngine().submit({
    ...namedStreamsOf(native),
    subject: { syscall: 'liststreams', path: shown },
    decode: decodeStreams,
  });
}
