import type { Completion } from '../engine/completion.js';
import type { Operable } from '../engine/operation.js';
import { namedStreamsOfFile } from '../engine/requests.js';
import { pathText } from '../node/path-text.js';

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

/** Lists the streams of an open file or folder. @param path for errors */
export function listStreamsOf(handle: Operable, path?: string): Promise<StreamInfo[]> {
  const subject = { syscall: 'liststreams', ...(path === undefined ? {} : { path }) };
  return handle.operate({ ...namedStreamsOfFile(), subject, decode: decodeStreams });
}
