// Bundles bundled.mjs: node bundle.mjs <folder of scripts/tools/packaging> <bundler>.
// The last line of its output is the bundle.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import * as path from 'node:path';

const [tools, name] = process.argv.slice(2);
const require = createRequire(path.join(tools, 'index.js'));
const entry = './bundled.mjs';
const out = path.resolve('out', name);

async function byEsbuild(format, file) {
  const options = { bundle: true, platform: 'node', logLevel: 'error' };
  const logOverride = { 'empty-import-meta': 'silent' };
  const outfile = path.join(out, file);
  await require('esbuild').build({
    ...options,
    logOverride,
    entryPoints: [entry],
    outfile,
    format,
  });
  return outfile;
}

function byWebpack(isModule) {
  const file = isModule ? 'main.mjs' : 'main.cjs';
  const library = { type: isModule ? 'module' : 'commonjs2' };
  const configuration = {
    ...{ mode: 'production', target: 'node20', entry },
    output: { path: out, filename: file, library, module: isModule },
    experiments: { outputModule: isModule },
  };
  return new Promise((fulfill, reject) => {
    require('webpack')(configuration, (error, stats) => {
      if (error) reject(error);
      else if (stats.hasErrors() || stats.hasWarnings()) reject(new Error(stats.toString()));
      else fulfill(path.join(out, file));
    });
  });
}

async function byRollup() {
  const resolver = require('@rollup/plugin-node-resolve').default({ preferBuiltins: true });
  const bundle = await require('rollup').rollup({
    input: entry,
    external: /^node:/,
    plugins: [resolver, require('@rollup/plugin-commonjs')()],
    onwarn: (warning) => {
      throw new Error(warning.message);
    },
  });
  await bundle.write({ dir: out, format: 'es', entryFileNames: 'main.mjs' });
  return path.join(out, 'main.mjs');
}

function byNcc() {
  const ncc = require.resolve('@vercel/ncc/dist/ncc/cli.js');
  const args = [ncc, 'build', entry, '-o', out, '--target', 'es2022'];
  execFileSync(process.execPath, args, { stdio: 'ignore' });
  return path.join(out, 'index.mjs');
}

const bundlers = {
  'esbuild-esm': () => byEsbuild('esm', 'main.mjs'),
  'esbuild-cjs': () => byEsbuild('cjs', 'main.cjs'),
  'webpack-esm': () => byWebpack(true),
  'webpack-cjs': () => byWebpack(false),
  rollup: byRollup,
  ncc: byNcc,
};

console.log(await bundlers[name]());
