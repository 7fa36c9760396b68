// Writes the declarations of the package's entries, for `npm run build:ts`.
//
// tsc has put those of all modules into dist/types/, which is declared to be CommonJS. Per entry,
// NAME.d.ts exports them again to importing modules, and NAME.d.cts to those that require(). So
// TypeScript sees one set of types in the format that Node loads, whichever way it came.
import * as fs from 'node:fs';
import * as path from 'node:path';

// A default export of CommonJS means something else to TypeScript, so it is taken from the module
// that names it.
const defaults = {
  promises: ['promises', 'functions/promises-object'],
  fs: ['overlappedFs', 'functions/fs-object'],
};

function facadesOf(entry) {
  const types = `${entry.includes('/') ? '..' : '.'}/types`;
  const everything = `export * from '${types}/${entry}.js';\n`;
  const [name, module] = defaults[entry] ?? [];
  const whole = name && `export { ${name} as default } from '${types}/${module}.js';\n`;
  return { [`${entry}.d.ts`]: everything + (whole ?? ''), [`${entry}.d.cts`]: everything };
}

/** Writes the files; returns the names of all declarations, relative to `dist`. */
export function writeDeclarations(dist, entries) {
  const files = {
    'types/package.json': '{ "type": "commonjs" }\n',
    ...Object.assign({}, ...entries.map(facadesOf)),
  };
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(dist, name), text);
  const library = fs.readdirSync(path.join(dist, '..', 'lib'), {
    recursive: true,
    encoding: 'utf8',
  });
  // The command is a program, not an interface.
  const modules = library.filter((name) => name.endsWith('.ts') && !name.startsWith('cli'));
  const declarations = modules.map((name) => path.join('types', name.replace(/\.ts$/, '.d.ts')));
  return [...Object.keys(files), ...declarations];
}
