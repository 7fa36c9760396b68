// Builds dist/ from lib/: types by tsc, bundled code, and small files per entry of package.json.
// Also builds build/tests/, from which compat-tests/ load modules of lib/ (bundle-for-tests.mjs).
//
//   node scripts/build-ts.mjs
//
// A program that loads the package loads three files instead of a hundred, which takes a fifth of
// the time. The code is in dist/chunks/ as CommonJS, so that require() and import share one
// instance, and threads can require it: Node 20 and 22 abort if a thread is terminated while it is
// in require() of an ES module. Per entry, NAME.js exports the code to ES modules of Node, NAME.cjs
// to require(), and bundler/NAME.js to bundlers. The libraries that the code uses are bundled, too
// (third-party.mjs). Code that few programs need, or need late, is in chunks of its own
// (late-functions.mjs). Files in dist/ that this build did not make are removed.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { rollup } from 'rollup';
import { bundleForTests } from './bundle-for-tests.mjs';
import { writeDeclarations } from './declarations.mjs';
import { chunkByTime, isForLate, lateFunctions } from './late-functions.mjs';
import { bundleThirdParty, thirdParty, thirdPartyFile } from './third-party.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiled = path.join(root, 'build', 'js');
const dist = path.join(root, 'dist');

const entries = [
  'index',
  'promises',
  'fs',
  'register',
  'devices/index',
  'streams/streamx',
  'streams/web',
];

// dist/cli/main.js stays the ES module that tsc makes, because it awaits at its top level.
const program = 'cli/program';

// Rooms with a chunk of their own.
const separateRooms = ['copy', 'cli', 'devices'];

// Node loads these modules only on demand, which takes time, so the bundle gets them when it first
// uses one of their members.
const lazyBuiltins = new Set([
  'node:async_hooks',
  'node:child_process',
  'node:crypto',
  'node:fs/promises',
  'node:module',
  'node:os',
  'node:perf_hooks',
  'node:readline',
  'node:stream/promises',
  'node:stream/web',
]);

const builtinPrefix = '\0builtin:';

// The facade of an entry exports again whatever the running module of Node has.
const starExport = /^export \* from 'node:.*';$/gm;

const fileOf = (entry) => path.join(compiled, `${entry}.js`);
const flatName = (entry) => entry.replace('/', '-');
const chunkFile = (entry) => `chunks/${flatName(entry)}.cjs`;
const chunkFrom = (entry) => `${entry.includes('/') ? '../' : './'}${chunkFile(entry)}`;

function codeOfBuiltin(name) {
  const get = `process.getBuiltinModule(${JSON.stringify(name)})`;
  if (!lazyBuiltins.has(name)) return `export default ${get};`;
  const members = Object.keys(process.getBuiltinModule(name)).map(
    (member) => `get ${member}() { return load().${member}; }`,
  );
  return [
    'let loaded;',
    `const load = () => (loaded ??= ${get});`,
    `export const builtin = { ${members.join(',\n')} };`,
  ].join('\n');
}

/**
 * Takes Node's modules by process.getBuiltinModule(). An import makes Node read every property of
 * the module, which loads the modules behind its getters, too.
 */
const builtins = {
  name: 'builtins',
  resolveId(name) {
    if (!name.startsWith('node:')) return null;
    return { id: builtinPrefix + name, moduleSideEffects: false };
  },
  load(id) {
    if (!id.startsWith(builtinPrefix)) return null;
    const name = id.slice(builtinPrefix.length);
    const syntheticNamedExports = lazyBuiltins.has(name) ? 'builtin' : 'default';
    return { code: codeOfBuiltin(name), syntheticNamedExports, moduleSideEffects: false };
  },
};

const lazyPrefix = '\0lazy:';

/**
 * Lets index.js load the code of copies when one of its functions is first called. An async
 * function that index.js exports from there becomes one that imports the module and calls it.
 */
const lazyFunctions = {
  name: 'lazy-functions',
  resolveId(name, importer) {
    if (importer !== path.join(compiled, 'index.js') || !name.startsWith('./copy/')) return null;
    const file = path.join(compiled, name);
    return isErrorModule(file) ? file : { id: lazyPrefix + file, moduleSideEffects: false };
  },
  async load(id) {
    if (!id.startsWith(lazyPrefix)) return null;
    const file = id.slice(lazyPrefix.length);
    const { ast } = await this.load({ id: file });
    const functions = ast.body
      .map(({ declaration }) => declaration)
      .filter((declaration) => declaration?.type === 'FunctionDeclaration' && declaration.async);
    return functions
      .map(({ id: { name } }) => {
        const call = `(await import(${JSON.stringify(file)})).${name}(...args)`;
        return `export async function ${name}(...args) { return ${call}; }`;
      })
      .join('\n');
  },
};

// Errors are exported as classes, so that programs can tell them.
function isErrorModule(file) {
  return /-errors?\.js$/.test(file);
}

// The name by which the chunk of an entry exports noteEntry() of lib/node/package-folder.ts.
const noteEntry = 'overlapped:noteEntry';

/** Adapts the modules of entries: what makes no sense in CommonJS is left to the facades. */
const entryModules = {
  name: 'entry-modules',
  transform(code, id) {
    if (!entries.some((entry) => fileOf(entry) === id)) return null;
    const place = JSON.stringify(path.join(compiled, 'node', 'package-folder.js'));
    const withoutStars = code.replaceAll(starExport, '');
    const noting = `export { noteEntry as '${noteEntry}' } from ${place};`;
    return { code: `${withoutStars}\n${noting}\n`, map: null };
  },
  resolveImportMeta(property) {
    if (property !== 'url') return 'undefined';
    const url = `process.getBuiltinModule('node:url').pathToFileURL(__filename).href`;
    // A bundle of ES modules has no __filename.
    return `(typeof __filename === 'string' ? ${url} : undefined)`;
  },
};

/** The chunk of a module; undefined where rollup decides. */
function chunkOf(id, { getModuleInfo } = {}) {
  if (id.startsWith(builtinPrefix)) return 'base';
  if (isForLate(id)) {
    const isOfBase = getModuleInfo(id).importers.some((file) => timeOf(file) === 'base');
    return isOfBase ? 'base' : 'core';
  }
  if (id.startsWith(lazyPrefix)) return undefined;
  const name = path.relative(compiled, id).replaceAll('\\', '/').replace(/\.js$/, '');
  const [room, ...rest] = name.split('/');
  if (name === 'promises') return 'core';
  if (rest.length === 0 || [...entries, program].includes(name)) return undefined;
  if (isErrorModule(id)) return chunkByTime(name);
  return separateRooms.includes(room) ? room : chunkByTime(name);
}

/** The chunk in whose time a module loads, also those of the entries that load late chunks. */
function timeOf(file) {
  if (file === fileOf('register')) return 'base';
  return file === fileOf('index') ? 'core' : chunkOf(file);
}

function onwarn(warning) {
  // TypeScript's helper for `using` looks at `this`.
  if (warning.code === 'THIS_IS_UNDEFINED') return;
  throw new Error(warning.message);
}

function compile() {
  fs.rmSync(compiled, { recursive: true, force: true });
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const common = [tsc, '-p', path.join(root, 'tsconfig.build.json')];
  for (const options of [
    ['--outDir', compiled, '--declaration', 'false', '--removeComments'],
    ['--outDir', path.join(dist, 'types'), '--emitDeclarationOnly'],
  ]) {
    const { status, error } = spawnSync(process.execPath, [...common, ...options], {
      stdio: 'inherit',
    });
    if (error) throw error;
    if (status !== 0) process.exit(status ?? 1);
  }
}

/** Writes dist/chunks/; returns its chunks. */
async function bundle() {
  const late = lateFunctions(compiled, timeOf);
  const bundled = await rollup({
    input: Object.fromEntries([...entries, program].map((name) => [name, fileOf(name)])),
    external: (name) => /^[a-z@]/.test(name) && !name.startsWith('node:'),
    plugins: [builtins, lazyFunctions, late, entryModules],
    onwarn,
  });
  const { output } = await bundled.write({
    dir: dist,
    format: 'cjs',
    entryFileNames: ({ name }) => chunkFile(name),
    chunkFileNames: 'chunks/[name].cjs',
    paths: (name) => (thirdParty.includes(name) ? thirdPartyFile(name) : name),
    // import() of CommonJS would take a turn through the loader of ES modules.
    dynamicImportInCjs: false,
    exports: 'named',
    esModule: false,
    externalLiveBindings: false,
    hoistTransitiveImports: false,
    manualChunks: chunkOf,
  });
  await bundled.close();
  return output;
}

/** The lines of an ES module that exports all that `exported`, the chunk of the entry, has. */
function exportLines(entry, names) {
  const plain = names.filter((name) => /^\w+$/.test(name) && name !== 'default');
  return [
    `exported['${noteEntry}'](import.meta.url);`,
    ...(fs.readFileSync(fileOf(entry), 'utf8').match(starExport) ?? []),
    plain.length > 0 && `export const { ${plain.join(', ')} } = exported;`,
    names.includes('default') && 'export default exported.default;',
    names.includes('module.exports') && "const whole = exported['module.exports'];",
    names.includes('module.exports') && "export { whole as 'module.exports' };",
  ];
}

/** The ES module for Node, where an import of CommonJS takes longer than require(). */
function moduleForNode(entry, names) {
  return [
    "import { createRequire } from 'node:module';",
    `const exported = createRequire(import.meta.url)('${chunkFrom(entry)}');`,
    ...exportLines(entry, names),
  ];
}

/** The ES module for bundlers, which do not follow createRequire(). */
function moduleForBundlers(entry, names) {
  return [`import exported from '../${chunkFile(entry)}';`, ...exportLines(entry, names)];
}

/** The CommonJS module of an entry. */
function commonJsModule(entry, names) {
  const required = `require('${chunkFrom(entry)}')`;
  if (names.includes('module.exports')) {
    return ["'use strict';", `module.exports = ${required}['module.exports'];`];
  }
  return [
    "'use strict';",
    `const { '${noteEntry}': _, ...exported } = ${required};`,
    'module.exports = exported;',
  ];
}

/** Writes the entries; returns their names. */
function writeEntries(chunks) {
  const main = fs.readFileSync(fileOf('cli/main'), 'utf8');
  const files = { 'cli/main.js': main.replace('./program.js', `../${chunkFile(program)}`) };
  for (const entry of entries) {
    const { exports } = chunks.find(({ fileName }) => fileName === chunkFile(entry));
    for (const [name, makeLines] of [
      [`${entry}.js`, moduleForNode],
      [`${entry}.cjs`, commonJsModule],
      [`bundler/${flatName(entry)}.js`, moduleForBundlers],
    ]) {
      const lines = makeLines(entry, exports).filter(Boolean);
      files[name] = `${lines.join('\n')}\n`;
    }
  }
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(dist, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }
  return Object.keys(files);
}

/** Removes what earlier builds have left. */
function removeOthers(files) {
  const kept = new Set(files.map(path.normalize));
  for (const name of fs.readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    const file = path.join(dist, name);
    if (!kept.has(name) && fs.statSync(file).isFile()) fs.rmSync(file);
  }
}

compile();
await bundleForTests(root, compiled);
const chunks = await bundle();
removeOthers([
  ...chunks.map(({ fileName }) => fileName),
  ...writeEntries(chunks),
  ...writeDeclarations(dist, entries),
  ...(await bundleThirdParty(root, dist)),
]);
