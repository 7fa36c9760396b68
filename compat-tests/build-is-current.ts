import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const packageFolder = fileURLToPath(new URL('..', import.meta.url));

// The files that the build writes last: for tests, and for the processes that they start.
const built = ['build/tests/lib.js', 'dist/index.js'];

/** Runs before all tests, because they load what is built from lib/. */
export default function checkBuild(): void {
  const library = path.join(packageFolder, 'lib');
  const times = built.map((name) => {
    const status = fs.statSync(path.join(packageFolder, name), { throwIfNoEntry: false });
    return status?.mtimeMs ?? 0;
  });
  const builtAt = Math.min(...times);
  for (const name of fs.readdirSync(library, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    if (builtAt < fs.statSync(path.join(library, name)).mtimeMs) {
      throw new Error(`The build is older than lib/${name}: run npm run build:ts first`);
    }
  }
}
