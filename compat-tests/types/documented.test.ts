import { createRequire } from 'node:module';
import * as path from 'node:path';
import type TypeScript from 'typescript-in-javascript';
import { expect, test } from 'vitest';
import { packageFolder } from '../helpers.js';

// The API reference (npm run docs) is generated from docstrings: every name that an entry of the
// package exports, and every public member of an exported class or interface, needs one.

// Loaded by require(), because Vite takes long to transform nine megabytes.
const ts: typeof TypeScript = createRequire(import.meta.url)('typescript-in-javascript');
const library = path.join(packageFolder, 'lib');

const entries = [
  'index.ts',
  'promises.ts',
  'fs.ts',
  'register.ts',
  'devices/index.ts',
  'streams/streamx.ts',
  'streams/web.ts',
];

function isInternal(declaration: TypeScript.Declaration): boolean {
  return ts.getJSDocTags(declaration).some(({ tagName }) => tagName.text === 'internal');
}

function isPrivate(declaration: TypeScript.Declaration): boolean {
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  return (ts.getCombinedModifierFlags(declaration) & hidden) !== 0;
}

class Documentation {
  readonly missing = new Set<string>();
  readonly #checker: TypeScript.TypeChecker;

  constructor(checker: TypeScript.TypeChecker) {
    this.#checker = checker;
  }

  /** Records the exports of a module that lack a docstring. */
  check(source: TypeScript.SourceFile): void {
    const module = this.#checker.getSymbolAtLocation(source);
    if (module === undefined) return;
    for (const exported of this.#checker.getExportsOfModule(module)) {
      const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
      const symbol = isAlias ? this.#checker.getAliasedSymbol(exported) : exported;
      this.#checkSymbol(symbol, symbol.name);
      for (const member of symbol.members?.values() ?? []) {
        this.#checkSymbol(member, `${symbol.name}.${member.name}`);
      }
    }
  }

  #checkSymbol(symbol: TypeScript.Symbol, name: string): void {
    const isMember = name.includes('.');
    const documented =
      ts.SymbolFlags.Property |
      ts.SymbolFlags.Method |
      ts.SymbolFlags.Accessor |
      ts.SymbolFlags.EnumMember;
    if (isMember && (symbol.flags & documented) === 0) return;
    if (name.includes('#')) return;
    const declarations = (symbol.declarations ?? []).filter(
      (declaration) =>
        declaration.getSourceFile().fileName.startsWith(library.replaceAll('\\', '/')) &&
        !isInternal(declaration) &&
        !isPrivate(declaration),
    );
    const [first] = declarations;
    if (first === undefined || symbol.getDocumentationComment(this.#checker).length > 0) return;
    const file = path.relative(packageFolder, first.getSourceFile().fileName);
    this.missing.add(`${file.replaceAll('\\', '/')}: ${name}`);
  }
}

test('every exported name and every public member has a docstring', () => {
  const { config } = ts.readConfigFile(path.join(packageFolder, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, packageFolder);
  const names = entries.map((name) => path.join(library, name));
  const program = ts.createProgram(names, options);
  const documentation = new Documentation(program.getTypeChecker());
  for (const name of names) {
    documentation.check(program.getSourceFile(name) as TypeScript.SourceFile);
  }
  expect([...documentation.missing].sort()).toEqual([]);
});
