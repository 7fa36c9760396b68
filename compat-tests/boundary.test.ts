import { expect, test } from 'vitest';
import { loadBinding } from '../lib/engine/binding.js';
import { DetailField, StatusField } from '../lib/engine/completion.js';
import * as native from '../lib/engine/native.js';
import * as opcodes from '../lib/engine/opcodes.js';

const boundary = loadBinding().describeBoundary();

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

test('flags have the same bits on both sides', () => {
  const { OpenOption, MetadataFlag, PipeFlag, LockFlag, SeekOrigin, TreeFlag } = opcodes;
  const flags = { OpenOption, MetadataFlag, PipeFlag, LockFlag, SeekOrigin, TreeFlag };
  expect(boundary.flags).toEqual(flags);
  expect(boundary.deviceTypes).toEqual(opcodes.deviceTypes);
});

test('limits are the same on both sides', () => {
  expect(boundary.limits).toEqual({
    submissionsMax: native.submissionsMax,
    completionsMax: native.completionsMax,
    detailNumbers: native.detailNumbers,
    allocatedRangesMax: opcodes.allocatedRangesMax,
    metadataTriedShift: opcodes.metadataTriedShift,
    pathOfLink: opcodes.pathOfLink,
    foreignDescriptor: opcodes.FileReference.descriptor >>> 0,
  });
});

test('submissions, completions and their details have the same layout on both sides', () => {
  expect(boundary.layout).toEqual({
    submission: native.SubmissionLayout,
    completion: native.CompletionLayout,
    details: DetailField,
    status: StatusField,
  });
});
