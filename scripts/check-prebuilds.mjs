// Runs before `npm publish`: a package without its prebuilt addons would work nowhere.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const platforms = ['darwin-arm64', 'darwin-x64', 'win32-arm64', 'win32-x64'];
const needed = [
  ...platforms.map((platform) => `${platform}/overlapped.node`),
  ...['linux-arm64', 'linux-x64'].flatMap((platform) =>
    ['glibc', 'musl'].map((library) => `${platform}/overlapped.${library}.node`),
  ),
  '../dist/index.js',
];
const missing = needed.filter((name) => !fs.existsSync(path.join(root, 'prebuilds', name)));

if (missing.length > 0) {
  console.error(`missing in prebuilds/: ${missing.join(', ')}; run npm run prebuild first`);
  process.exitCode = 1;
}
