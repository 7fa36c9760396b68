import { Buffer } from 'node:buffer';
import { nodeFs, nodePromises } from './node-fs.js';

type SystemPath = string | Buffer;

// The codes that libuv has for what GetFinalPathNameByHandle() says of a volume that the mount
// manager does not know.
const unknownVolumeCodes = new Set(['EISDIR', 'UNKNOWN', 'EINVAL']);

/**
 * Node's realpath(), which the system carries out. Where Windows cannot, as on RAM disks and some
 * network drives, links are resolved one by one instead.
 */
export async function realPath<P extends SystemPath>(path: P): Promise<P> {
  const encoding = Buffer.isBuffer(path) ? 'buffer' : 'utf8';
  try {
    return (await nodePromises.realpath(path, { encoding: encoding as 'utf8' })) as P;
  } catch (error) {
    if (!unknownVolumeCodes.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return (await resolveLinks(path, encoding as 'utf8')) as P;
  }
}

function resolveLinks(path: SystemPath, encoding: 'utf8'): Promise<unknown> {
  return new Promise((resolve, reject) => {
    nodeFs.realpath(path, { encoding }, (error, resolved) => {
      if (error) reject(error);
      else resolve(resolved);
    });
  });
}
