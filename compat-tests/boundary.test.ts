import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { loadBinding } from '../lib/engine/binding.js';
import { DetailField, StatusField } from '../lib/engine/completion.js';
import { linkKinds } from '../lib/engine/directory-requests.js';
import * as native from '../lib/engine/native.js';
import * as opcodes from '../lib/engine/opcodes.js';
import { pathOpcodes } from '../lib/engine/relative-paths.js';
import { writtenAndClosed } from '../lib/engine/requests.js';
import { entryMetadataLayout } from '../lib/handle/entry-metadata.js';
import { namePairResultLayout } from '../lib/handle/name-pairs.js';
import { EntryStatusField, entryStatusBytes } from '../lib/handle/name-statuses.js';
import { packageFolder } from './helpers.js';

/** Converts indexes of 32-bit words to offsets in bytes. */
function bytesOf(words: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(words).map(([name, word]) => [name, 4 * word]));
}

const binding = loadBinding();
const boundary = binding.describeBoundary();

test('the package, its code and its addon have one version', () => {
  const manifest = fs.readFileSync(path.join(packageFolder, 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  expect(native.packageVersion).toBe(version);
  expect(binding.version).toBe(version);
});

test('both sides give each opcode the same number', () => {
  const numbers = Object.entries(boundary.opcodes).map(([name, { number }]) => [name, number]);
  expect(Object.fromEntries(numbers)).toEqual(opcodes.Opcode);
});

test('no two opcodes have the same number', () => {
  const numbers = Object.values(opcodes.Opcode);
  expect(new Set(numbers).size).toBe(numbers.length);
});

test('both sides agree on the opcodes that take or return a descriptor', () => {
  const users = Object.values(boundary.opcodes).filter(({ usesDescriptor }) => usesDescriptor);
  expect(new Set(users.map(({ number }) => number))).toEqual(opcodes.descriptorOpcodes);
});

test('relative paths are resolved for every opcode with a path of POSIX', () => {
  const { Opcode } = opcodes;
  const namesOfWindows = new Set<number>([
    Opcode.createPipeInstance,
    Opcode.createPipePair,
    Opcode.createMailslot,
    Opcode.openMailslot,
  ]);
  const { family } = boundary.opcodes.open as { family: number };
  const withPath = Object.values(boundary.opcodes).filter((opcode) => opcode.family === family);
  const numbers = withPath.map(({ number }) => number);
  expect(pathOpcodes).toEqual(new Set(numbers.filter((number) => !namesOfWindows.has(number))));
});

test('flags have the same bits on both sides', () => {
  const { OpenOption, MetadataFlag, PipeFlag, LockFlag, SeekOrigin, TreeFlag } = opcodes;
  const { UnlinkFlag, RenameFlag, CloneFlag } = opcodes;
  const LinkKind = Object.fromEntries(linkKinds.map((kind, number) => [kind, number]));
  const transfers = { OpenOption, MetadataFlag, PipeFlag, LockFlag, SeekOrigin };
  const names = { TreeFlag, UnlinkFlag, RenameFlag, CloneFlag, LinkKind };
  expect(boundary.flags).toEqual({ ...transfers, ...names });
  expect(boundary.deviceTypes).toEqual(opcodes.deviceTypes);
});

// The subjects of these operations name the calls of their steps in this order.
test('the steps at which an operation can fail have known numbers', () => {
  expect(boundary.steps).toEqual({
    path: { open: 0, transfer: 1, close: 2 },
    tree: { scan: 0, stat: 1, unlink: 2, removeFolder: 3 },
  });
});

test('limits and special values are the same on both sides', () => {
  expect(boundary.limits).toEqual({
    submissionsMax: native.submissionsMax,
    completionsMax: native.completionsMax,
    detailNumbers: native.detailNumbers,
    allocatedRangesMax: opcodes.allocatedRangesMax,
    metadataTriedShift: opcodes.metadataTriedShift,
    pathOfLink: opcodes.pathOfLink,
    leaveUnnamedFlag: opcodes.leaveUnnamedFlag,
    directoryIsLockedFlag: opcodes.directoryIsLockedFlag,
    ofExistingFileFlag: opcodes.ofExistingFileFlag,
    leavesCacheFlag: opcodes.leavesCacheFlag,
    foreignDescriptor: opcodes.foreignDescriptorFlag >>> 0,
    readInPlaceMax: native.readInPlaceMax,
    readAloneMax: native.readAloneMax,
    securityDiffers: opcodes.securityDiffers,
    writtenAndClosed,
  });
});

test('submissions, completions and their details have the same layout on both sides', () => {
  expect(boundary.layout).toEqual({
    submission: native.SubmissionLayout,
    completion: native.CompletionLayout,
    details: DetailField,
    status: StatusField,
    entryStatus: { ...bytesOf(EntryStatusField), bytes: entryStatusBytes },
    entryMetadata: entryMetadataLayout,
    namePairResult: namePairResultLayout,
  });
});
