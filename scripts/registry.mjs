// A registry of the packages in folders, for a test of their installation:
//
//   node scripts/registry.mjs <folder>…
//
// A folder has each package as a folder, and its tarball as `npm pack` names it: those that
// scripts/packages.mjs has made, for example. A package without a tarball is described, and cannot
// be installed. The first line of output is the address. The registry ends when its standard input
// does.
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { createServer } from 'node:http';
import * as path from 'node:path';

const folders = process.argv.slice(2);
const packages = new Map();

for (const folder of folders) {
  for (const entry of fs.readdirSync(folder)) {
    const file = path.join(folder, entry, 'package.json');
    if (!fs.existsSync(file)) continue;
    const manifest = JSON.parse(fs.readFileSync(file, 'utf8'));
    packages.set(manifest.name, { manifest, folder });
  }
}

function tarballOf({ name, version }) {
  return `${name.replace('@', '').replace('/', '-')}-${version}.tgz`;
}

function describe({ manifest, folder }, address) {
  const { name, version } = manifest;
  const file = tarballOf(manifest);
  const place = path.join(folder, file);
  const content = fs.existsSync(place) ? fs.readFileSync(place) : '';
  const integrity = `sha512-${createHash('sha512').update(content).digest('base64')}`;
  const dist = { tarball: `${address}/-/${file}`, integrity };
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } };
}

const server = createServer(({ url, headers }, response) => {
  const wanted = decodeURIComponent(url.slice(1));
  const found = packages.get(wanted);
  const places = folders.map((folder) => path.join(folder, path.basename(wanted)));
  const tarball = wanted.startsWith('-/') && places.find((place) => fs.existsSync(place));
  if (found) {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(describe(found, `http://${headers.host}`)));
  } else if (tarball) {
    fs.createReadStream(tarball).pipe(response);
  } else {
    response.statusCode = 404;
    response.end('{}');
  }
});

process.stdin.on('end', () => process.exit()).resume();
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
