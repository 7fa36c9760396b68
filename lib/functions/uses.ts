// The functions of node:fs that Node's own functions call. A program may have replaced them.

/** Those of writeFile(). */
export const writeUses = ['open', 'write', 'fsync', 'close'];
/** Those of rm(). */
export const removalUses = ['lstat', 'stat', 'readdir', 'unlink', 'rmdir'];
