import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { packageFolder } from './helpers.js';

// A room is a folder of lib/. Its files import only files of the same room and of the rooms below
// it, types included, so that each can be read without those above. Files at the top of lib/ are
// the entries of the package, which may import everything.

const floors = [
  ['node'],
  ['engine'],
  ['transfer', 'win32'],
  ['handle'],
  ['streams'],
  ['file-handle'],
  ['functions'],
  ['devices', 'copy'],
  ['cli', 'register'],
];

/** Each file of lib/ with the files that it imports. */
type Imports = ReadonlyMap<string, readonly string[]>;

// `import … from '…'`, `export … from '…'`, `import '…'` and `import('…')`, all relative.
const importedFile = /\b(?:from|import)\s*\(?\s*'(\.[^']+)\.js'/g;

function importsOf(folder: string): Imports {
  const imports = new Map<string, string[]>();
  for (const entry of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!entry.endsWith('.ts')) continue;
    const text = fs.readFileSync(path.join(folder, entry), 'utf8');
    const name = entry.replaceAll('\\', '/');
    const files = [...text.matchAll(importedFile)].map(([, file]) =>
      path.posix.join(path.posix.dirname(name), `${file}.ts`),
    );
    imports.set(name, files);
  }
  return imports;
}

/** The floor of a file's room; Infinity for an entry, undefined for a room without one. */
function floorOf(file: string): number | undefined {
  const [room, ...rest] = file.split('/');
  if (rest.length === 0) return Number.POSITIVE_INFINITY;
  const floor = floors.findIndex((rooms) => rooms.includes(room as string));
  return floor < 0 ? undefined : floor;
}

function roomOf(file: string): string {
  return file.includes('/') ? (file.split('/')[0] as string) : file;
}

/** The imports that lead to a higher room. */
function upwardImports(imports: Imports): string[] {
  const found: string[] = [];
  for (const [file, imported] of imports) {
    const floor = floorOf(file);
    if (floor === undefined) found.push(`${file} is in no room`);
    if (floor === undefined || floor === Number.POSITIVE_INFINITY) continue;
    for (const other of imported) {
      const isBelow = (floorOf(other) ?? Number.POSITIVE_INFINITY) < floor;
      if (!isBelow && roomOf(other) !== roomOf(file)) found.push(`${file} imports ${other}`);
    }
  }
  return found;
}

/** Files that import each other, directly or through others; one line per circle. */
function circles(imports: Imports): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    const at = way.indexOf(file);
    if (at >= 0) found.push([...way.slice(at), file].join(' -> '));
    if (at >= 0 || done.has(file)) return;
    for (const other of imports.get(file) ?? []) visit(other, [...way, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return found;
}

const imports = importsOf(path.join(packageFolder, 'lib'));

test('the scan sees imports that lead up, and circles', () => {
  const wrong: Imports = new Map([
    ['node/a.ts', ['node/b.ts']],
    ['node/b.ts', ['engine/c.ts']],
    ['engine/c.ts', ['node/a.ts']],
    ['devices/d.ts', ['copy/e.ts', 'index.ts']],
    ['copy/e.ts', ['node/a.ts']],
    ['attic/f.ts', []],
  ]);
  expect(upwardImports(wrong)).toEqual([
    'node/b.ts imports engine/c.ts',
    'devices/d.ts imports copy/e.ts',
    'devices/d.ts imports index.ts',
    'attic/f.ts is in no room',
  ]);
  expect(circles(wrong)).toEqual(['node/a.ts -> node/b.ts -> engine/c.ts -> node/a.ts']);
});

test('the scan finds the file of every import', () => {
  expect(imports.size).toBeGreaterThan(100);
  const missing = [...imports.values()].flat().filter((file) => !imports.has(file));
  expect(missing).toEqual([]);
});

test('rooms import only rooms below them, types included', () => {
  expect(upwardImports(imports)).toEqual([]);
});

test('no file imports itself through others, types included', () => {
  expect(circles(imports)).toEqual([]);
});
