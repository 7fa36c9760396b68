import type { Completion } from '../engine/completion.js';
import { getEngine } from '../engine/engine.js';
import { namedStreamsOf } from '../engine/requests.js';
import { unavailable } from '../node/errors.js';
import { type PathLike, parsePath } from '../node/paths.js';

/** One stream of a file. */
export interface StreamInfo {
  /** Its name; '' is the stream that everybody knows as the file's data. */
  name: string;
  /** Its type, '$DATA' for all that can be opened as `file:name`. */
  type: string;
  /** Bytes. */
  size: number;
}

function decodeStreams(completion: Completion): StreamInfo[] {
  const content = completion.takeContent() as Buffer;
  return parseStreamList(content.toString());
}

/** @internal What the addon gives: for each stream its size and its name, with zeros after both. */
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
 * The streams of a file or folder, the unnamed one among them (FindFirstStreamW). Open one as
 * `open('file:name')`. Windows only.
 * @throws ERR_FEATURE_UNAVAILABLE_ON_PLATFORM; a system error, also where the file system has no
 *   streams
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
