import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const packageFolder = fileURLToPath(new URL('..', import.meta.url));

/** Before all tests: those that start a process run dist/, which must be what lib/ says. */
export default function checkBuild(): void {
  const library = path.join(packageFolder, 'lib');
  for (const name of fs.readdirSync(library, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    const built = path.join(packageFolder, 'dist', name.replace(/\.ts$/, '.js'));
    const builtAt = fs.statSync(built, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (builtAt < fs.statSync(path.join(library, name)).mtimeMs) {
      throw new Error(`dist/ is older than lib/${name}: run npm run build:ts first`);
    }
  }
}
