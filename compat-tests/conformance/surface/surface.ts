import type * as nodePromises from 'node:fs/promises';
import { isWindows, testWhere } from '../../helpers.js';
import { type Action, type Setting, same } from '../compare.js';

export type Promises = typeof nodePromises;

/** A setting with all functions of node:fs/promises. */
export type SurfaceSetting = Omit<Setting, 'api'> & { fs: Promises };
export type SurfaceAction = (setting: SurfaceSetting) => Promise<unknown>;

function toAction(action: SurfaceAction): Action {
  return ({ api, ...rest }) => action({ ...rest, fs: api as unknown as Promises });
}

/** same() for an action with the whole of node:fs/promises. */
export function sameSurface(name: string, expected: string, action: SurfaceAction): void {
  same(name, expected, toAction(action));
}

/** sameSurface() if the machine has the requirements; otherwise the name gives the reason. */
export function sameWhere(possible: boolean, reason: string): typeof sameSurface {
  if (possible) return sameSurface;
  return (name) => testWhere(false, reason)(name, () => {});
}

export const sameOnPosix = sameWhere(!isWindows, 'Windows has no such modes, owners or links');

/** A function that accepts arguments that the types forbid. */
export function untyped(call: unknown): (...args: unknown[]) => Promise<unknown> {
  return call as (...args: unknown[]) => Promise<unknown>;
}
