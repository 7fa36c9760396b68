// A static file server over the streams of this package, with GET and HEAD, ETag and 304, and
// ranges. It serves nothing outside its folder.
//
//   node file-server.mjs <folder> [port]
import { createServer } from 'node:http';
import { extname, join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { open, realpath, stat } from 'overlapped';

const types = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

/** An answer without a body. */
class Refusal extends Error {
  constructor(status, headers = {}) {
    super(`${status}`);
    this.status = status;
    this.headers = headers;
  }
}

const statusOfCode = { EACCES: 403, EPERM: 403, EMFILE: 503, ENFILE: 503 };
const missingCodes = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'EINVAL']);

/** The file that a request means. */
async function resolveTarget(root, url) {
  let path;
  try {
    path = decodeURIComponent(url.split(/[?#]/, 1)[0]);
  } catch {
    throw new Refusal(400);
  }
  // A backslash or a colon has a meaning on Windows.
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const isBad = (part) => part === '..' || /[\\:\0]/.test(part);
  if (!path.startsWith('/') || parts.some(isBad)) throw new Refusal(400);
  const top = await realpath(root);
  const wanted = join(top, ...parts, path.endsWith('/') ? 'index.html' : '');
  const target = await realpath(wanted);
  // A link may lead out of the folder.
  if (target !== top && !target.startsWith(top.endsWith(sep) ? top : top + sep)) {
    throw new Refusal(404);
  }
  return target;
}

/**
 * Returns the requested bytes, or undefined for the whole file and for an unsupported header
 * (RFC 9110, section 14.2). @throws Refusal 416
 */
function parseRange(header, size) {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === undefined || (first === '' && last === '')) return undefined;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  if (start > end) throw new Refusal(416, { 'content-range': `bytes */${size}` });
  return { start, end };
}

function isUnchanged({ headers }, etag, mtime) {
  const tags = headers['if-none-match'];
  if (tags !== undefined) {
    return tags.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')));
  }
  const since = Date.parse(headers['if-modified-since'] ?? '');
  return since >= Math.floor(mtime.getTime() / 1000) * 1000;
}

async function answer(root, request, response) {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    throw new Refusal(405, { allow: 'GET, HEAD' });
  }
  const path = await resolveTarget(root, request.url);
  // Checked before the open, because opening a FIFO waits for its writer.
  if (!(await stat(path)).isFile()) throw new Refusal(404);
  const handle = await open(path);
  try {
    const { size, mtimeNs, mtime } = await handle.stat({ bigint: true });
    const etag = `"${size.toString(36)}-${mtimeNs.toString(36)}"`;
    const headers = { etag, 'last-modified': mtime.toUTCString(), 'accept-ranges': 'bytes' };
    if (isUnchanged(request, etag, mtime)) throw new Refusal(304, headers);
    const ifRange = request.headers['if-range'];
    const isSame = ifRange === undefined || ifRange === etag;
    const range = isSame ? parseRange(request.headers.range, Number(size)) : undefined;
    const { start, end } = range ?? { start: 0, end: Number(size) - 1 };
    response.writeHead(range === undefined ? 200 : 206, {
      ...headers,
      'content-type': types[extname(path).toLowerCase()] ?? 'application/octet-stream',
      'content-length': end - start + 1,
      'x-content-type-options': 'nosniff',
      ...(range && { 'content-range': `bytes ${start}-${end}/${size}` }),
    });
    if (request.method === 'HEAD' || end < start) response.end();
    else await pipeline(handle.createReadStream({ start, end, autoClose: false }), response);
  } finally {
    await handle.close();
  }
}

function refuse(error, response) {
  // A response that has begun can only be cut off, and a client that has left needs no answer.
  if (response.headersSent) return response.destroy();
  const { code } = error;
  const status = error.status ?? statusOfCode[code] ?? (missingCodes.has(code) ? 404 : 500);
  if (status === 500) console.error(error);
  response.writeHead(status, error.headers ?? {}).end();
}

/** @returns a node:http server of the files in a folder */
export function createFileServer(root) {
  return createServer((request, response) => {
    answer(root, request, response).catch((error) => refuse(error, response));
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [folder, port = '8080'] = process.argv.slice(2);
  if (folder === undefined || !/^\d+$/.test(port)) {
    console.error('Usage: file-server.mjs <folder> [port]');
    process.exitCode = 2;
  } else {
    const server = createFileServer(folder).listen(Number(port), 'localhost', () => {
      console.log(`http://localhost:${server.address().port}/`);
    });
  }
}
