// Builds dist/ from lib/: types by tsc, and one bundled file per entry of package.json.
//
//   node scripts/build-ts.mjs
//
// A program that imports the package loads two or three files instead of a hundred, which takes a
// fifth of the time. Code that several entries share is in dist/chunks/, so that a class is the
// same one whichever entry it comes from. Files in dist/ that this build did not make are removed.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { rollup } from 'rollup';

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
  'cli/main',
];

// Rooms with a chunk of their own.
const separateRooms = ['copy', 'cli', 'devices'];

// Node loads these modules only on demand, which takes time, so the bundle gets them when it first
// uses one of their members.
const lazyBuiltins = new Set([
  'node:child_process',
  'node:crypto',
  'node:fs/promises',
  'node:os',
  'node:perf_hooks',
  'node:readline',
  'node:stream/promises',
  'node:stream/web',
]);

const builtinPrefix = '\0builtin:';

function codeOfBuiltin(name) {
  const get = `process.getBuiltinModule(${JSON.stringify(name)})`;
  if (!lazyBuiltins.has(name)) return `export default ${get};`;
  const members = Object.keys(process.getBuiltinModule(name)).map(
    (member) => `get ${member}() { return ${get}.${member}; }`,
  );
  return `export const builtin = { ${members.join(',\n')} };`;
}

/**
 * Takes Node's modules by process.getBuiltinModule(). An import makes Node read every property of
 * the module, which loads the modules behind its getters, too.
 */
const builtins = {
  name: 'builtins',
  resolveId(name, importer) {
    if (!name.startsWith('node:')) return null;
    // This one exports again whatever the running node:fs has.
    if (importer === path.join(compiled, 'fs.js')) return { id: name, external: true };
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

/** The chunk of a module; undefined where rollup decides. */
function chunkOf(id) {
  if (id.startsWith(builtinPrefix)) return 'core';
  if (id.startsWith(lazyPrefix)) return undefined;
  const name = path.relative(compiled, id).replaceAll('\\', '/');
  const [room, ...rest] = name.split('/');
  if (name === 'promises.js') return 'core';
  if (rest.length === 0 || entries.includes(name.replace(/\.js$/, ''))) return undefined;
  if (isErrorModule(name)) return 'core';
  if (name === 'streams/streamx.js') return undefined;
  return separateRooms.includes(room) ? room : 'core';
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
    ['--outDir', dist, '--emitDeclarationOnly'],
  ]) {
    const { status, error } = spawnSync(process.execPath, [...common, ...options], {
      stdio: 'inherit',
    });
    if (error) throw error;
    if (status !== 0) process.exit(status ?? 1);
  }
}

async function bundle() {
  const bundled = await rollup({
    input: Object.fromEntries(entries.map((name) => [name, path.join(compiled, `${name}.js`)])),
    external: (name) => /^[a-z@]/.test(name) && !name.startsWith('node:'),
    plugins: [builtins, lazyFunctions],
    onwarn,
  });
  const { output } = await bundled.write({
    dir: dist,
    format: 'es',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
    hoistTransitiveImports: false,
    manualChunks: chunkOf,
  });
  await bundled.close();
  return output.map(({ fileName }) => fileName);
}

/** Removes what earlier builds have left. */
function removeOthers(bundles) {
  const kept = new Set(bundles.map(path.normalize));
  for (const name of fs.readdirSync(path.join(root, 'lib'), {
    recursive: true,
    encoding: 'utf8',
  })) {
    kept.add(name.replace(/\.ts$/, '.d.ts'));
  }
  for (const name of fs.readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    const file = path.join(dist, name);
    if (!kept.has(name) && fs.statSync(file).isFile()) fs.rmSync(file);
  }
}

compile();
removeOthers(await bundle());
