import fs from 'node:fs';

/**
 * node:fs as it was when this package was loaded. What delegates to Node calls these functions, so
 * that it still reaches Node's own where ours have been put into their place.
 */
export const nodeFs: typeof fs = { ...fs };

/** node:fs/promises as it was then. */
export const nodePromises: typeof fs.promises = { ...fs.promises };

/** First number of the running Node's version. */
export const nodeMajor = Number.parseInt(process.versions.node, 10);
