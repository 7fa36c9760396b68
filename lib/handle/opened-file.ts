import { getEngine } from '../engine/engine.js';
import type { Operation } from '../engine/operation.js';
import type { Alignment } from '../transfer/alignment.js';

/** The kind of file that a handle is open on. */
export type DeviceType = 'unknown' | 'disk' | 'block' | 'char' | 'pipe' | 'directory';
const deviceTypes: readonly DeviceType[] = [
  'unknown',
  'disk',
  'block',
  'char',
  'pipe',
  'directory',
];

/** An open file as the addon describes it. */
export interface OpenedFile {
  /** Its number in the addon's table of open files. */
  file: number;
  /** The descriptor, or noDescriptor. */
  fd: number;
  deviceType: DeviceType;
  alignment: Alignment | null;
}

/** The descriptor of a file that is closed, or that has none. */
export const noDescriptor = -1;

/** Decodes the completion of an open. */
export function decodeOpened(_operation: Operation, value: number, index: number): OpenedFile {
  const { completions } = getEngine();
  const position = completions.detail(index, 2);
  return {
    file: value,
    fd: completions.detail(index, 0),
    deviceType: deviceTypes[completions.detail(index, 1)] ?? 'unknown',
    alignment:
      position === 0
        ? null
        : Object.freeze({
            position,
            length: completions.detail(index, 3),
            memory: completions.detail(index, 4),
          }),
  };
}

/** Decodes the second file of a completion that opens two. */
export function decodePeer(index: number): OpenedFile {
  const { completions } = getEngine();
  return {
    file: completions.detail(index, 6),
    fd: completions.detail(index, 5),
    deviceType: deviceTypes[completions.detail(index, 1)] ?? 'unknown',
    alignment: null,
  };
}
