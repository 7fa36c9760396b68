import type { Completion } from '../engine/completion.js';
import { deviceTypes } from '../engine/opcodes.js';
import type { Alignment } from '../transfer/alignment.js';

/** The kind of an open file. */
export type DeviceType = (typeof deviceTypes)[number];

/** An open file as the addon describes it. */
export interface OpenedFile {
  /** Its number in the addon's table of open files. */
  file: number;
  /** The descriptor, or noDescriptor. */
  fd: number;
  deviceType: DeviceType;
  alignment: Alignment | null;
  /** Bytes of a regular file when it was opened; undefined if unknown. */
  size?: number | undefined;
}

/** The descriptor of a file that is closed, or that has no descriptor. */
export const noDescriptor = -1;

/** Decodes the completion of an open. */
export function decodeOpened(completion: Completion): OpenedFile {
  const position = completion.alignmentPosition;
  const { sizeWhenOpened } = completion;
  return {
    file: completion.value,
    fd: completion.descriptor,
    deviceType: deviceTypes[completion.deviceType] ?? 'unknown',
    alignment:
      position === 0
        ? null
        : Object.freeze({
            position,
            length: completion.alignmentLength,
            memory: completion.alignmentMemory,
          }),
    size: sizeWhenOpened < 0 ? undefined : sizeWhenOpened,
  };
}

/** Decodes the second file of a completion that opens two. */
export function decodePeer(completion: Completion): OpenedFile {
  return {
    file: completion.peerFile,
    fd: completion.peerDescriptor,
    deviceType: deviceTypes[completion.deviceType] ?? 'unknown',
    alignment: null,
  };
}
