import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import extra from 'fs-extra';

/** The message of each attempt that fails, and the attempts that succeed. */
async function outcomes(attempts) {
  const list = {};
  for (const [name, attempt] of Object.entries(attempts)) {
    list[name] = await attempt().then(
      (value) => ({ value }),
      ({ code, errno, syscall, message }) => ({ code, errno, syscall, message }),
    );
  }
  return list;
}

async function copyAndMove(source, at) {
  await extra.copy(source, at('copied'), { preserveTimestamps: true });
  await extra.copy(source, at('followed'), {
    dereference: true,
    filter: (name) => !name.includes('links') && !name.endsWith('.bin'),
  });
  await extra.copy(path.join(source, 'large.bin'), at('deep/folder/large.bin'));
  await extra.copy(path.join(source, 'block.bin'), at('deep/folder/large.bin'));
  await extra.copy(path.join(source, 'empty'), at('deep/folder/large.bin'), { overwrite: false });
  await extra.copy(path.join(source, 'library'), at('moving'));
  await extra.move(at('moving'), at('deep/moved'));
  await extra.copy(path.join(source, 'bin'), at('over'));
  await extra.move(at('over'), at('deep/moved'), { overwrite: true });
  await extra.move(at('deep/moved/tool.sh'), at('tool.sh'));
  // Its streams are those of graceful-fs, whose classes extend those of fs.
  await pipeline(
    extra.createReadStream(path.join(source, 'large.bin'), { start: 10, highWaterMark: 5000 }),
    extra.createWriteStream(at('streamed.bin'), { mode: 0o640 }),
  );
  await new Promise((resolve, reject) => {
    extra.copy(path.join(source, 'names'), at('called back'), (error) =>
      error ? reject(error) : resolve(),
    );
  });
}

async function makeAndRemove(source, at) {
  await extra.outputFile(at('a/b/c.txt'), 'text');
  await extra.outputFile(at('a/b/mode.txt'), 'text', { mode: 0o600 });
  await extra.outputJson(at('json/x/y.json'), { list: [1, 'zwei', null] }, { spaces: 2 });
  await extra.writeJson(at('json/plain.json'), { a: new Date(0) }, { EOL: '\r\n' });
  await extra.ensureDir(at('ensured/a/b'), { mode: 0o750 });
  await extra.ensureFile(at('ensured/c/file'));
  await extra.ensureFile(at('a/b/c.txt'));
  await extra.ensureLink(at('a/b/c.txt'), at('ensured/links/hard.txt'));
  if (await extra.pathExists(path.join(source, 'links'))) {
    await extra.ensureSymlink(at('a/b/c.txt'), at('ensured/links/symbolic.txt'));
    await extra.ensureSymlink(at('a/b'), at('ensured/links/folder'));
    await extra.ensureSymlink('../../a/b/c.txt', at('ensured/links/relative.txt'));
  }
  await extra.mkdirs(at('ensured/x/y/z'));
  await extra.copy(source, at('emptied'));
  await extra.emptyDir(at('emptied'));
  await extra.emptyDir(at('made empty'));
  await extra.copy(source, at('removed'));
  await extra.remove(at('removed'));
  await extra.remove(at('was never there'));
}

/** The operations of a program that uses fs-extra instead of fs. */
export async function run({ source, folder }) {
  const at = (name) => path.join(folder, name);
  await copyAndMove(source, at);
  await makeAndRemove(source, at);
  const results = {
    json: await extra.readJson(at('json/x/y.json')),
    exists: [await extra.pathExists(at('a/b')), await extra.pathExists(at('removed'))],
    names: (await extra.readdir(at('copied'))).sort(),
    text: await extra.readFile(at('a/b/c.txt'), 'utf8'),
    size: (await extra.stat(at('copied/large.bin'))).size,
  };
  const handle = await extra.open(path.join(source, 'large.bin'), 'r');
  const { bytesRead, buffer } = await extra.read(handle, Buffer.alloc(50), 0, 50, 1000);
  const vectors = await extra.readv(handle, [Buffer.alloc(3), Buffer.alloc(5)], 7);
  await extra.close(handle);
  results.reads = [bytesRead, buffer.toString('hex'), vectors.bytesRead];

  const failures = await outcomes({
    copyIntoItself: () => extra.copy(at('a'), at('a/b/d')),
    copyOverFolder: () => extra.copy(at('a/b/c.txt'), at('a')),
    copyExisting: () =>
      extra.copy(at('tool.sh'), at('a/b/c.txt'), { overwrite: false, errorOnExist: true }),
    copyMissing: () => extra.copy(at('nothing'), at('b')),
    moveExisting: () => extra.move(at('tool.sh'), at('a/b/c.txt')),
    moveMissing: () => extra.move(at('nothing'), at('b')),
    readBadJson: () => extra.readJson(at('tool.sh')),
    readNoJson: () => extra.readJson(at('tool.sh'), { throws: false }),
    readMissing: () => extra.readJson(at('nothing.json')),
    ensureOverFile: () => extra.ensureDir(at('tool.sh')),
    ensureFileOverFolder: () => extra.ensureFile(at('a')),
    linkMissing: () => extra.ensureLink(at('nothing'), at('link')),
    outputBelowFile: () => extra.outputFile(at('tool.sh/below'), 'x'),
  });
  return { results, failures };
}
