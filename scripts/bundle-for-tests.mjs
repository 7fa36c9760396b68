// Bundles lib/ for compat-tests/, whose files import its modules by name. Each of these files runs
// in a process of its own, which loads one file instead of three hundred. Used by build-ts.mjs.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { rollup } from 'rollup';

/** Modules that act when they are loaded. */
const programs = ['register.js', 'cli/main.js'];

// TypeScript's helper for `using` looks at `this`, and modules of types alone are empty.
const expectedWarnings = ['THIS_IS_UNDEFINED', 'EMPTY_BUNDLE'];

/** The chunk of a module: all share one, but for those that load packages from npm. */
function chunkOf(name) {
  if (name === 'streams/streamx.js') return undefined;
  return name.startsWith('cli/') ? 'cli' : 'lib';
}

/**
 * Writes build/tests/: a file for each module in `compiled`, which exports what the module does,
 * and the chunks that these files export it from.
 */
export async function bundleForTests(root, compiled) {
  const folder = path.join(root, 'build', 'tests');
  const nameOf = (file) => path.relative(compiled, file).replaceAll('\\', '/');
  const names = fs
    .readdirSync(compiled, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.js') && !programs.includes(name));
  const bundled = await rollup({
    input: Object.fromEntries(names.map((name) => [name, path.join(compiled, name)])),
    external: /^[a-z@]/,
    treeshake: false,
    preserveEntrySignatures: 'strict',
    onwarn(warning) {
      if (!expectedWarnings.includes(warning.code)) throw new Error(warning.message);
    },
  });
  fs.rmSync(folder, { recursive: true, force: true });
  await bundled.write({
    dir: folder,
    format: 'es',
    entryFileNames: '[name]',
    chunkFileNames: '[name].js',
    manualChunks: (file) => chunkOf(nameOf(file)),
    minifyInternalExports: false,
    hoistTransitiveImports: false,
  });
  await bundled.close();
}
