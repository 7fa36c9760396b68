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

/** The declarations that those of the entries name, relative to `dist`. */
function reachable(dist, facades) {
  const found = new Set();
  const look = (name) => {
    if (found.has(name)) return;
    found.add(name);
    const text = fs.readFileSync(path.join(dist, name), 'utf8');
    for (const [, target] of text.matchAll(/(?:from |import\()['"](\.[^'"]+)\.js['"]/g)) {
      look(path.join(path.dirname(name), `${target}.d.ts`));
    }
  };
  for (const name of facades) look(name);
  return [...found];
}

// `require()` of an ES module looks for this name. Only TypeScript 5.6 and later can read it.
const moduleExports = /, \w+ as 'module\.exports'/;

function removeModuleExports(file) {
  const text = fs.readFileSync(file, 'utf8');
  fs.writeFileSync(file, text.replace(moduleExports, ''));
}

/** Writes the files; returns the names of all declarations, relative to `dist`. */
export function writeDeclarations(dist, entries) {
  const facades = Object.assign({}, ...entries.map(facadesOf));
  const files = { 'types/package.json': '{ "type": "commonjs" }\n', ...facades };
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(dist, name), text);
  for (const entry of Object.keys(defaults)) {
    removeModuleExports(path.join(dist, 'types', `${entry}.d.ts`));
  }
  // Nobody can import the others: package.json exports only the entries.
  return [...Object.keys(files), ...reachable(dist, Object.keys(facades))];
}
