import process from 'node:process';
import { openCore } from '../handle/open.js';
import { unavailable } from '../node/errors.js';
import { type PathLike, parsePath } from '../node/paths.js';
import { listStreamsOf, type StreamInfo } from '../win32/named-streams.js';

/**
 * Lists the streams of a file or folder, including the unnamed one (FileStreamInformation). Open a
 * stream with `open('file:name')`. Windows only.
 * https://learn.microsoft.com/windows/win32/fileio/file-streams
 * @throws ERR_FEATURE_UNAVAILABLE_ON_PLATFORM; a system error, also if the file system has no
 *   streams
 * @example
 * for (const { name, size } of await listStreams('report.docx')) console.log(name, size);
 */
export async function listStreams(path: PathLike): Promise<StreamInfo[]> {
  const { shown } = parsePath(path);
  if (process.platform !== 'win32') throw unavailable('listStreams()');
  const handle = await openCore(path, 'r', { attributesOnly: true });
  try {
    return await listStreamsOf(handle, shown);
  } finally {
    await handle.close();
  }
}
