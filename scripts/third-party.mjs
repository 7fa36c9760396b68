// Bundles the libraries that dist/ uses, for `npm run build:ts`, so that an installation of the
// package installs none of them. Each becomes a CommonJS file in dist/chunks/third-party/, and
// LICENSES.txt beside them has the licenses of everything that those files contain.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { build } from 'esbuild';

/** The libraries that the code of lib/ imports and dist/ contains. */
export const thirdParty = ['cli-progress', 'commander', 'glob', 'minimatch'];

const folderName = 'third-party';

/** The path by which the chunks in dist/chunks/ require a library. */
export const thirdPartyFile = (name) => `./${folderName}/${name}.cjs`;

/** The folder in node_modules that a file belongs to. */
function packageOf(file) {
  return file.match(/^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0];
}

function licenseOf(root, folder) {
  const manifest = JSON.parse(fs.readFileSync(path.join(root, folder, 'package.json'), 'utf8'));
  const file = fs.readdirSync(path.join(root, folder)).find((name) => /^licen[cs]e/i.test(name));
  if (file === undefined) throw new Error(`${folder} has no license file`);
  const text = fs.readFileSync(path.join(root, folder, file), 'utf8').trim();
  return `${manifest.name} ${manifest.version} (${manifest.license})\n\n${text}\n`;
}

/** Writes the files; returns their names, relative to `dist`. */
export async function bundleThirdParty(root, dist) {
  const outdir = path.join(dist, 'chunks', folderName);
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(thirdParty.map((name) => [name, name])),
    outdir,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    minify: true,
    // glob and the package share one matcher.
    plugins: [{ name: 'shared', setup: shareLibraries }],
    legalComments: 'none',
    metafile: true,
    logLevel: 'error',
  });
  const packages = new Set(Object.keys(metafile.inputs).map(packageOf));
  packages.delete(undefined);
  const licenses = [...packages].sort().map((folder) => licenseOf(root, folder));
  const separator = `\n${'-'.repeat(80)}\n\n`;
  fs.writeFileSync(path.join(outdir, 'LICENSES.txt'), licenses.join(separator));
  const names = [...thirdParty.map((name) => `${name}.cjs`), 'LICENSES.txt'];
  return names.map((name) => path.join('chunks', folderName, name));
}

// A library that another one imports stays a file of its own.
function shareLibraries({ onResolve }) {
  onResolve({ filter: /^[\w-]+$/ }, ({ path: name, kind }) => {
    if (kind === 'entry-point' || !thirdParty.includes(name)) return undefined;
    return { path: `./${name}.cjs`, external: true };
  });
}
