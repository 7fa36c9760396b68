import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { packageFolder } from './helpers.js';

const functionLinesMax = 70;
const classLinesMax = 300;
const fileLinesMax = 400;
const lineLengthMax = 100;

interface Source {
  /** The path relative to the package, with slashes. */
  name: string;
  lines: string[];
}

function sourcesIn(folders: readonly string[], ends: RegExp): Source[] {
  const sources: Source[] = [];
  for (const folder of folders) {
    const whole = path.join(packageFolder, folder);
    if (!fs.existsSync(whole)) continue;
    for (const entry of fs.readdirSync(whole, { recursive: true, encoding: 'utf8' })) {
      if (/\bnode_modules\b/.test(entry)) continue;
      if (!ends.test(entry)) continue;
      const lines = fs.readFileSync(path.join(whole, entry), 'utf8').split(/\r?\n/);
      sources.push({ name: path.join(folder, entry).replaceAll('\\', '/'), lines });
    }
  }
  return sources;
}

const folders = ['lib', 'addon', 'compat-tests', 'bench', 'scripts', 'examples'];
const sources = sourcesIn(folders, /\.(ts|mts|mjs|js|cc|c|h)$/);
// The files that npm publishes, which do not include addon/engine_tests.
const published = sources.filter(({ name }) => /^(lib|addon)\/(?!engine_tests)/.test(name));
const tests = sources.filter(({ name }) => name.startsWith('compat-tests/'));

type Inside = 'code' | 'comment' | 'template';

// After these characters a slash starts a regular expression.
const beforeRegex = /[(,=:[!&|?;{}]\s*$/;

/** The end of a string or regular expression; its start if it does not end on this line. */
function endOfLiteral(line: string, start: number, end: string): number {
  let inClass = false;
  for (let i = start + 1; i < line.length; i++) {
    if (line[i] === '\\') i++;
    else if (end === '/' && line[i] === '[') inClass = true;
    else if (line[i] === ']') inClass = false;
    else if (line[i] === end && !inClass) return i;
  }
  // An apostrophe, as in 1'000 in C++.
  return start;
}

/** Strips comments and literals from one line, and reports what the next line starts in. */
function codeOfLine(line: string, begin: Inside): { code: string; inside: Inside } {
  let inside = begin;
  let code = '';
  for (let i = 0; i < line.length; i++) {
    const character = line[i] as string;
    const two = line.slice(i, i + 2);
    if (inside === 'comment') {
      if (two === '*/') inside = 'code';
      if (two === '*/') i++;
    } else if (inside === 'template') {
      if (character === '\\') i++;
      else if (character === '`') inside = 'code';
    } else if (two === '//') {
      break;
    } else if (two === '/*') {
      inside = 'comment';
      i++;
    } else if (character === '`') {
      inside = 'template';
    } else if (
      `'"`.includes(character) ||
      (character === '/' && beforeRegex.test(code === '' ? '(' : code))
    ) {
      i = endOfLiteral(line, i, character);
      code += "''";
    } else {
      code += character;
    }
  }
  return { code, inside };
}

/** The lines without comments and literals, so that braces in these do not count. */
function codeOf(lines: readonly string[]): string[] {
  let inside: Inside = 'code';
  return lines.map((line) => {
    const result = codeOfLine(line, inside);
    inside = result.inside;
    return result.code;
  });
}

// The head of a function: an arrow, or parentheses and the tokens that may follow them before the
// brace. No statement keyword comes before the parentheses.
const opensFunction = /(=>|\)(\s*(const|noexcept|override|final))*(\s*(->|:)\s*[^={}]+)?)\s*\{\s*$/;
const statement = /^\s*(\}\s*)?(else\s+)?(if|for|while|switch|catch|do|namespace|class|struct)\b/;
const opensClass = /\b(class|struct)\b[^()=;]*\{$/;

type Kind = 'function' | 'class' | 'other';

function kindOf(head: string): Kind {
  if (opensFunction.test(head) && !statement.test(head)) return 'function';
  return opensClass.test(head) ? 'class' : 'other';
}

interface Block {
  kind: Kind;
  start: number;
}

/** The blocks of a kind that are too long, by their first line. */
function longBlocks({ name, lines }: Source, kind: Kind, linesMax: number): string[] {
  const found: string[] = [];
  const blocks: Block[] = [];
  let head = '';
  let headStart = 0;
  codeOf(lines).forEach((code, index) => {
    for (const character of code) {
      if (head.trim() === '') headStart = index;
      if (character === '{') {
        blocks.push({ start: headStart, kind: kindOf(`${head}{`) });
      } else if (character === '}') {
        const block = blocks.pop();
        const length = index - (block?.start ?? index) + 1;
        if (block?.kind === kind && length > linesMax) {
          found.push(`${name}:${block.start + 1} has ${length} lines`);
        }
      }
      head = '{};'.includes(character) ? '' : head + character;
    }
    head += ' ';
  });
  return found;
}

function longFunctions(source: Source): string[] {
  return longBlocks(source, 'function', functionLinesMax);
}

function longClasses(source: Source): string[] {
  return longBlocks(source, 'class', classLinesMax);
}

test('the scan finds a function that is too long, and no shorter one', () => {
  const body = (lines: number): string[] => new Array(lines).fill('  call();');
  const heads = [
    'function f(): void {',
    'test("a law", async () => {',
    '  async method(a: number): Promise<Map<string, number>> {',
    'Result Engine::attach(OpenFile& file) const {',
    'static auto f(int a) -> int {',
    'int main(int argc, char** argv) {',
  ];
  for (const head of heads) {
    const long = { name: 'long', lines: [head, ...body(functionLinesMax - 1), '}'] };
    expect(longFunctions(long), head).toHaveLength(1);
    const short = { name: 'short', lines: [head, ...body(functionLinesMax - 2), '}'] };
    expect(longFunctions(short), head).toHaveLength(0);
  }
  for (const head of ['namespace overlapped {', 'export class A {', 'const table = {']) {
    expect(longFunctions({ name: 'other', lines: [head, ...body(200), '}'] })).toEqual([]);
  }
});

test(`functions have no more than ${functionLinesMax} lines`, () => {
  expect(sources.length).toBeGreaterThan(20);
  expect(sources.flatMap(longFunctions)).toEqual([]);
});

test('the scan finds a class that is too long, and no shorter one', () => {
  const body = (lines: number): string[] => new Array(lines).fill('  int member = 1;');
  for (const head of ['export class A<T> extends B {', 'class Engine final : public A {']) {
    const long = { name: 'long', lines: [head, ...body(classLinesMax - 1), '}'] };
    expect(longClasses(long), head).toHaveLength(1);
    const short = { name: 'short', lines: [head, ...body(classLinesMax - 2), '}'] };
    expect(longClasses(short), head).toHaveLength(0);
  }
});

test(`classes of the package have no more than ${classLinesMax} lines`, () => {
  expect(published.length).toBeGreaterThan(100);
  expect(published.flatMap(longClasses)).toEqual([]);
});

test(`files of lib/ and addon/ have no more than ${fileLinesMax} lines`, () => {
  const counted = sources.filter(({ name }) => /^(lib|addon)\//.test(name));
  const found = counted.flatMap(({ name, lines }) => {
    const count = lines.length - 1;
    return count > fileLinesMax ? [`${name} has ${count} lines`] : [];
  });
  expect(found).toEqual([]);
});

test(`lines have no more than ${lineLengthMax} columns`, () => {
  const found = sources.flatMap(({ name, lines }) =>
    lines.flatMap((line, i) => (line.length > lineLengthMax ? `${name}:${i + 1}` : [])),
  );
  expect(found).toEqual([]);
});

test('braces are balanced for the scan in every file', () => {
  const unbalanced = sources.filter(({ lines }) => {
    const code = codeOf(lines).join('');
    return code.split('{').length !== code.split('}').length;
  });
  expect(unbalanced.map(({ name }) => name)).toEqual([]);
});

test('nothing below addon/engine includes Node, its wrapper or libuv', () => {
  const engineSources = sources.filter(({ name }) => /^addon\/engine(_tests)?\//.test(name));
  expect(engineSources.length).toBeGreaterThan(5);
  const include =
    /^\s*#\s*include\s*[<"]([^>"]*\/)?(napi|node|node_api|js_native_api|uv|v8)\.h[>"]/;
  const found = engineSources.filter(({ lines }) => lines.some((line) => include.test(line)));
  expect(found.map(({ name }) => name)).toEqual([]);
});

test('no test runs alone, and none is skipped without a reason in its name', () => {
  expect(tests.length).toBeGreaterThan(10);
  const alone = /\b(test|it|describe|suite)(\.\w+)*\.only\b/;
  const skipped = /\b(test|it|describe|suite)\.(skip|todo|fails)\b/;
  const found = tests.flatMap(({ name, lines }) =>
    lines.flatMap((line, i) => {
      const allowed = line.includes('[skipped: $');
      const isThis = name === 'compat-tests/tidy.test.ts';
      const bad = alone.test(line) || (skipped.test(line) && !allowed);
      return bad && !isThis ? `${name}:${i + 1}` : [];
    }),
  );
  expect(found).toEqual([]);
});

// The globals that lib/node/globals.ts copies at load time, and types of other contexts.
const globalUses = /process\.nextTick|performance\.now|instanceof (Uint8Array|URL|Date|Promise)\b/;
const importedNames = { Buffer: " from 'node:buffer'", process: " from 'node:process'" };
const takenNames =
  /\b(setTimeout|clearTimeout|setImmediate|queueMicrotask|AbortController|AbortSignal)(?=[.(])/g;

test('lib/ imports Buffer and process, because programs replace the globals', () => {
  const found = sources
    .filter(({ name }) => /^lib\/(?!cli\/)/.test(name))
    .flatMap(({ name, lines }) => {
      const text = lines.filter((line) => !/^\s*(\/\/|\/?\*)/.test(line)).join('\n');
      return Object.entries(importedNames)
        .filter(([global]) => new RegExp(`(?<![.\\w])${global}\\.`).test(text))
        .filter(([, from]) => !text.includes(from))
        .map(([global]) => `${name}: ${global}`);
    });
  expect(found).toEqual([]);
});

test('lib/ takes globals that test environments replace from node/globals.ts', () => {
  const found = sources
    .filter(({ name }) => /^lib\/(?!cli\/|node\/globals\.ts)/.test(name))
    .flatMap(({ name, lines }) => {
      const text = lines.filter((line) => !/^\s*(\/\/|\/?\*)/.test(line)).join('\n');
      const imported = /import \{([^}]*)\} from '[./a-z]*\/globals\.js'/.exec(text)?.[1] ?? '';
      const uses = [...text.matchAll(takenNames)].map(([use]) => use);
      const live = uses.filter((use) => !new RegExp(`\\b${use}\\b`).test(imported));
      return globalUses.test(text) || live.length > 0 ? [`${name}: ${live.join()}`] : [];
    });
  expect(found).toEqual([]);
});
