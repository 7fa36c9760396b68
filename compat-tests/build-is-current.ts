import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const packageFolder = fileURLToPath(new URL('..', import.meta.url));

/** Runs before all tests, because tests that start a process use dist/, built from lib/. */
export default function checkBuild(): void {
  const library = path.join(packageFolder, 'lib');
  // The build writes its bundles last.
  const bundle = path.join(packageFolder, 'dist', 'index.js');
  const builtAt = fs.statSync(bundle, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  for (const name of fs.readdirSync(library, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    if (builtAt < fs.statSync(path.join(library, name)).mtimeMs) {
      throw new Error(`dist/ is older than lib/${name}: run npm run build:ts first`);
    }
  }
}
