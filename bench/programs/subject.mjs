import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

// The input of the programs: a tree of files, archives of it, a site, a project of modules.

function makeTree(folder, count) {
  for (let i = 0; i < count; i++) {
    const parent = join(folder, `d${i % 20}`);
    fs.mkdirSync(parent, { recursive: true });
    // One file in fifty is large.
    const size = i % 50 === 0 ? 200_000 : 1000 + ((i * 37) % 5000);
    fs.writeFileSync(join(parent, `f${i}.js`), Buffer.alloc(size, `line ${i} of a file\n`));
  }
}

function makeProject(folder, count) {
  fs.mkdirSync(folder, { recursive: true });
  const imports = [];
  for (let i = 0; i < count; i++) {
    const body = Array.from({ length: 20 }, (_, k) => `export function f${k}(a){return a+${k}}`);
    fs.writeFileSync(join(folder, `m${i}.js`), `${body.join('\n')}\n`);
    imports.push(`import * as m${i} from './m${i}.js';\nconsole.log(m${i}.f1(${i}));`);
  }
  fs.writeFileSync(join(folder, 'index.js'), `${imports.join('\n')}\n`);
}

function makeSite(folder) {
  fs.mkdirSync(folder, { recursive: true });
  for (let i = 0; i < 100; i++) {
    const size = i % 20 === 0 ? 100_000 : 3000;
    fs.writeFileSync(join(folder, `page${i}.html`), Buffer.alloc(size, 'text '));
  }
}

async function makeArchives(input) {
  const tar = await import('tar');
  await tar.create({ cwd: input, file: join(input, 'tree.tar') }, ['tree']);
  const { default: archiver } = await import('archiver');
  const archive = archiver('zip', { zlib: { level: 1 } });
  archive.directory(join(input, 'tree'), false);
  const file = fs.createWriteStream(join(input, 'tree.zip'));
  await Promise.all([pipeline(archive, file), archive.finalize()]);
}

/** Makes the input with `count` files in its tree. */
export async function makeProgramSubject(count, parent = tmpdir()) {
  const folder = fs.mkdtempSync(join(parent, 'overlapped-bench-'));
  const input = join(folder, 'input');
  makeTree(join(input, 'tree'), count);
  makeProject(join(input, 'project'), Math.ceil(count / 10));
  makeSite(join(input, 'site'));
  await makeArchives(input);
  const remove = () => fs.promises.rm(folder, { recursive: true, force: true });
  return { path: folder, size: count, remove };
}
