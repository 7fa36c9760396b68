import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { packageFolder } from '../helpers.js';

// The declarations in dist/, which editors and compilers of users read.

const nodeMembers = [
  'fd',
  'read',
  'write',
  'readv',
  'writev',
  'stat',
  'truncate',
  'sync',
  'datasync',
  'readFile',
  'writeFile',
  'appendFile',
  'chmod',
  'chown',
  'utimes',
  'createReadStream',
  'createWriteStream',
  'readLines',
  'readableWebStream',
  'getAsyncId',
  'close',
  '[Symbol.asyncDispose]',
];
const publicMembers: Record<string, readonly string[]> = {
  'file-handle': [...nodeMembers, 'writableWebStream'],
  'extended-handle': [
    'alignment',
    'deviceType',
    'seek',
    'getAttributes',
    'setAttributes',
    'allocatedSize',
    'setSparse',
    'punchHole',
    'allocatedRanges',
    'readReparsePoint',
    'lock',
    'unlock',
    'chunks',
    'cancel',
  ],
};

/** The members of the class in a declaration file; private ones appear as `#private`. */
function membersOf(declarations: string): string[] {
  const member = /^ {4}(?:(?:readonly|get|set|static|protected|private) )*([[\w.\]]+)[(<:?]/gm;
  const start = declarations.indexOf('export declare class');
  const end = declarations.indexOf('\n}', start);
  const names = declarations.slice(start, end).matchAll(member);
  return [...new Set([...names].map(([, name]) => name as string))];
}

function declarationsOf(name: string): string {
  const file = path.join(packageFolder, 'dist/types/file-handle', `${name}.d.ts`);
  return fs.readFileSync(file, 'utf8');
}

for (const [name, wanted] of Object.entries(publicMembers)) {
  test(`the declarations of ${name} have the public members, and no others`, () => {
    expect(membersOf(declarationsOf(name)).sort()).toEqual([...wanted].sort());
  });
}

const dist = path.join(packageFolder, 'dist');
const names = fs.readdirSync(dist, { recursive: true, encoding: 'utf8' });
const declarations = names.filter((name) => /\.d\.c?ts$/.test(name));

function declarationsWith(text: RegExp): string[] {
  return declarations.filter((name) => text.test(fs.readFileSync(path.join(dist, name), 'utf8')));
}

test('no published declaration is marked as internal', () => {
  expect(declarations.length).toBeGreaterThan(50);
  expect(declarationsWith(/@internal/)).toEqual([]);
});

test('no published declaration exports a name in quotes, which needs TypeScript 5.6', () => {
  expect(declarationsWith(/^export .* as ['"]/m)).toEqual([]);
});

test('no published declaration imports a default of Node, which needs esModuleInterop', () => {
  expect(declarationsWith(/^import \w+ from ['"]node:/m)).toEqual([]);
});
