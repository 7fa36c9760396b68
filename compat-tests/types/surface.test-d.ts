// Checked by tsc (npm run typecheck): the types of this package can replace those of Node.
import type * as nodeFs from 'node:fs';
import type * as node from 'node:fs/promises';
import type * as oursFs from '../../lib/fs.js';
import type * as main from '../../lib/index.js';
import type * as ours from '../../lib/promises.js';

/** Members of Wanted that Given lacks, or whose type in Given is not compatible. */
type Differences<Given, Wanted> = {
  [Name in keyof Wanted]-?: Name extends keyof Given
    ? Given[Name] extends Wanted[Name]
      ? never
      : Name
    : Name;
}[keyof Wanted];

// An object without members is valid only if there are no differences; a compiler error here names
// them.
export const ofPromises: Record<Differences<typeof ours, typeof node>, string> = {};
export const ofMain: Record<Differences<typeof main, typeof node>, string> = {};
export const ofFileHandle: Record<Differences<ours.FileHandle, node.FileHandle>, string> = {};
export const ofDefault: Record<Differences<typeof ours.default, typeof node>, string> = {};
export const ofFs: Record<Differences<typeof oursFs.default, typeof nodeFs>, string> = {};
export const ofFsNames: Record<Differences<typeof oursFs, typeof nodeFs>, string> = {};

// As a whole, as accepted by a library with an `fs` option.
export const takesPromises = (given: typeof ours.default): typeof node => given;
export const takesHandle = (given: ours.FileHandle): node.FileHandle => given;
export const takesFs = (given: typeof oursFs.default): typeof nodeFs => given;
