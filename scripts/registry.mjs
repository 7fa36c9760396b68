// A registry of the packages in a folder that scripts/packages.mjs has made, for a test of their
// installation: node scripts/registry.mjs <folder>. Its first line of output is its address. It
// ends when its standard input does.
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { createServer } from 'node:http';
import * as path from 'node:path';

const [folder] = process.argv.slice(2);
const packages = new Map();

function manifestOf(name) {
  const file = path.join(folder, name, 'package.json');
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : undefined;
}

for (const entry of fs.readdirSync(folder)) {
  const manifest = manifestOf(entry);
  if (manifest) packages.set(manifest.name, manifest);
}

function tarballOf({ name, version }) {
  return `${name.replace('@', '').replace('/', '-')}-${version}.tgz`;
}

function describe(manifest, address) {
  const { name, version } = manifest;
  const file = tarballOf(manifest);
  const hash = createHash('sha512').update(fs.readFileSync(path.join(folder, file)));
  const dist = {
    tarball: `${address}/-/${file}`,
    integrity: `sha512-${hash.digest('base64')}`,
  };
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } };
}

const server = createServer(({ url, headers }, response) => {
  const wanted = decodeURIComponent(url.slice(1));
  const manifest = packages.get(wanted);
  if (manifest) {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(describe(manifest, `http://${headers.host}`)));
  } else if (wanted.startsWith('-/')) {
    fs.createReadStream(path.join(folder, path.basename(wanted))).pipe(response);
  } else {
    response.statusCode = 404;
    response.end('{}');
  }
});

process.stdin.on('end', () => process.exit()).resume();
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
