import fs from 'node:fs';
import process from 'node:process';

/**
 * node:fs as it was when this package was loaded. Functions that delegate to Node call this copy,
 * so they reach Node's own functions even after ours have replaced them.
 */
export const nodeFs: typeof fs = { ...fs };

/** node:fs/promises as it was when this package was loaded. */
export const nodePromises: typeof fs.promises = { ...fs.promises };

/** The major version of the running Node. */
export const nodeMajor = Number.parseInt(process.versions.node, 10);
