// The first run on real Windows: does what no test under Wine can show, and prints one row each.
//
//   node scripts/windows-checklist.mjs [folder [row]]
//
// The folder is where files are made; default: the temporary one. Put it on the volume in question
// (NTFS, ReFS, a Dev Drive, a share). As administrator the rows about drives and volumes run too,
// and with OVERLAPPED_SERIAL_PORT=COM3 the one about a port whose TX and RX are connected. Exit
// code 1 where a row is not what docs/windows.md promises.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as overlapped from 'overlapped';
import * as devices from 'overlapped/devices';

const { allocAligned, copy, copyTree, engine, listStreams, open, openDirectory, rm, verifyTree } =
  overlapped;
const place = path.resolve(process.argv[2] ?? os.tmpdir());
const folder = fs.mkdtempSync(path.join(place, 'overlapped-checklist-'));
const at = (name) => path.join(folder, name);
const MiB = 1024 * 1024;

/** Ends a row that this machine cannot show, with the reason. */
class NotHere extends Error {}

function must(condition, seen) {
  if (!condition) throw new Error(seen);
  return seen;
}

async function codeOf(promise) {
  try {
    await promise;
    return 'no error';
  } catch (error) {
    return error.code;
  }
}

function program(name, ...args) {
  try {
    return execFileSync(name, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw new NotHere(
      `${name}: ${
        String(error.stderr || error.message)
          .trim()
          .split('\n')[0]
      }`,
    );
  }
}

async function withHandle(handle, run) {
  try {
    return await run(handle);
  } finally {
    await handle.close();
  }
}

const rows = [];
const row = (name, expected, run) => rows.push({ name, expected, run });

row('engine', 'iocp, no reason', () => {
  const seen = `${engine.kind}, ${engine.reason ?? 'no reason'}`;
  return must(engine.kind === 'iocp' && engine.reason === null, seen);
});

row('unbuffered', 'the alignment of the disk; a position of 100 is refused', () =>
  open(at('unbuffered'), 'w+', { unbuffered: true }).then((opened) =>
    withHandle(opened, async (handle) => {
      const { position, length, memory } = handle.alignment;
      await handle.write(allocAligned(MiB, { alignment: memory }), { position: 0 });
      const code = await codeOf(handle.read(allocAligned(length), { position: 100 }));
      return must(code === 'ERR_UNALIGNED', `${position}/${length}/${memory}, ${code}`);
    }),
  ),
);

row('inline completions', 'for information: a compressed file completes inline', async () => {
  fs.writeFileSync(at('compressed'), Buffer.alloc(MiB, 'text '));
  program('compact.exe', '/c', at('compressed'));
  const before = engine.stats().inline;
  await withHandle(await open(at('compressed'), 'r+'), (handle) =>
    handle.write(Buffer.alloc(4096, 'x'), { position: 0 }),
  );
  return `${engine.stats().inline - before} inline`;
});

row('cached reads', 'for information: they end at once, without a packet', async () => {
  fs.writeFileSync(at('cached'), Buffer.alloc(MiB));
  fs.readFileSync(at('cached'));
  const before = engine.stats();
  await withHandle(await open(at('cached')), async (handle) => {
    for (let position = 0; position < MiB; position += 4096) {
      await handle.read(Buffer.alloc(4096), { position });
    }
  });
  const { inline, portPackets } = engine.stats();
  return `${inline - before.inline} inline, ${portPackets - before.portPackets} packets`;
});

row(
  'reparse points that are not links',
  'read through their filter, and copied as data',
  async () => {
    const [from, to] = [at('overlay'), at('overlay-copy')];
    const text = Buffer.alloc(MiB, 'text ');
    fs.mkdirSync(from);
    const directory = await openDirectory(from);
    const seen = [];
    // The second one is small enough to be copied by one operation.
    for (const [name, size] of Object.entries({ large: MiB, small: 64 * 1024 })) {
      fs.writeFileSync(path.join(from, name), text.subarray(0, size));
      program('compact.exe', '/c', '/exe:xpress4k', path.join(from, name));
      const read = await withHandle(await directory.open(name), (handle) => handle.readFile());
      seen.push(`${name}: ${read.equals(text.subarray(0, size)) ? 'read' : 'misread'}`);
    }
    await directory.close();
    await copyTree(from, to);
    for (const name of fs.readdirSync(from)) {
      const original = fs.readFileSync(path.join(from, name));
      const isSame = fs.readFileSync(path.join(to, name)).equals(original);
      seen.push(`${name}: ${isSame ? 'copied' : 'miscopied'}`);
    }
    return must(!seen.some((text) => text.includes('mis')), seen.join(', '));
  },
);

row('removal', 'a tree with read-only files and folders is removed', async () => {
  const tree = at('removed');
  fs.mkdirSync(path.join(tree, 'inner'), { recursive: true });
  fs.writeFileSync(path.join(tree, 'inner', 'file'), 'content');
  for (const part of ['inner/file', 'inner', '']) fs.chmodSync(path.join(tree, part), 0o444);
  await rm(tree, { recursive: true });
  return must(!fs.existsSync(tree), 'removed');
});

row('file numbers', 'two files have different numbers', async () => {
  for (const name of ['first', 'second']) fs.writeFileSync(at(name), '');
  const [one, two] = await Promise.all([
    overlapped.stat(at('first')),
    overlapped.stat(at('second')),
  ]);
  return must(one.ino !== two.ino, `${one.ino}, ${two.ino}`);
});

row('packaged apps', 'for information: their links are links', async () => {
  const apps = path.join(process.env.LOCALAPPDATA ?? '', 'Microsoft', 'WindowsApps');
  const link = fs.existsSync(apps) && fs.readdirSync(apps).find((name) => name.endsWith('.exe'));
  if (!link) throw new NotHere('no packaged app is installed');
  return (await overlapped.lstat(path.join(apps, link))).isSymbolicLink() ? 'a link' : 'a file';
});

row('sparse', 'a punched hole takes no space', async () =>
  withHandle(await open(at('sparse'), 'w+'), async (handle) => {
    await handle.write(Buffer.alloc(4 * MiB, 1), { position: 0 });
    await handle.setSparse();
    await handle.punchHole({ position: MiB, length: 2 * MiB });
    const size = await handle.allocatedSize();
    return must(size <= 2.5 * MiB, `${size} of ${4 * MiB} bytes`);
  }),
);

row('alternate streams', 'listed by name', async () => {
  fs.writeFileSync(at('streams'), 'main');
  fs.writeFileSync(`${at('streams')}:second`, 'more');
  const names = (await listStreams(at('streams'))).map(({ name }) => name);
  return must(names.includes('second'), names.join(', '));
});

row('alternate streams in copies', 'copied by the handle of their file', async () => {
  const [from, to] = [at('streams-source'), at('streams-copy')];
  fs.writeFileSync(from, 'main');
  fs.writeFileSync(`${from}:second`, 'more');
  await copy(from, to, { metadata: { streams: true } });
  const text = fs.readFileSync(`${to}:second`, 'utf8');
  return must(text === 'more', text);
});

row('streams that their program closes', 'a closed descriptor leaves the file free', async () => {
  const stream = overlapped.createWriteStream(at('left'), { autoClose: false });
  const opened = once(stream, 'open');
  stream.end('content');
  const [[fd]] = await Promise.all([opened, once(stream, 'finish')]);
  fs.closeSync(fd);
  let code = 'EBUSY';
  for (let tries = 0; code === 'EBUSY' && tries < 100; tries++) {
    code = await codeOf(open(at('left'), 'r+', { share: 'none' }).then((handle) => handle.close()));
  }
  return must(code === 'no error', code);
});

row('hard links', 'read-only ones stay so when another name is replaced', async () => {
  const [one, other] = [at('linked'), at('linked-too')];
  fs.writeFileSync(one, 'old');
  fs.writeFileSync(at('replacing'), 'new');
  fs.linkSync(one, other);
  fs.chmodSync(other, 0o444);
  const directory = await openDirectory(folder);
  await directory.rename('replacing', 'linked');
  await directory.close();
  const isReadOnly = (fs.statSync(other).mode & 0o222) === 0;
  fs.chmodSync(other, 0o666);
  const text = fs.readFileSync(one, 'utf8') + fs.readFileSync(other, 'utf8');
  return must(isReadOnly && text === 'newold', `${text}, ${isReadOnly ? 'read-only' : 'WRITABLE'}`);
});

row('junctions', 'never followed by DirectoryHandle or rm()', async () => {
  fs.mkdirSync(at('target'));
  fs.writeFileSync(path.join(at('target'), 'kept'), 'kept');
  fs.mkdirSync(at('tree'));
  fs.symlinkSync(at('target'), path.join(at('tree'), 'junction'), 'junction');
  const directory = await openDirectory(at('tree'));
  const code = await codeOf(directory.openDirectory('junction'));
  await directory.close();
  await rm(at('tree'), { recursive: true });
  const kept = fs.existsSync(path.join(at('target'), 'kept'));
  return must(kept && code !== 'no error', `${code}, target ${kept ? 'kept' : 'REMOVED'}`);
});

row('junctions in trees', 'copied as links, and a swapped folder redirects nothing', async () => {
  const [tree, target, copied] = [at('with-junction'), at('elsewhere'), at('copied-junction')];
  fs.mkdirSync(path.join(tree, 'inner'), { recursive: true });
  fs.mkdirSync(target);
  for (const folder of [path.join(tree, 'inner'), target]) {
    fs.writeFileSync(path.join(folder, 'file'), path.basename(folder));
  }
  fs.symlinkSync(target, path.join(tree, 'junction'), 'junction');
  const { errors } = await copyTree(tree, copied);
  const isLink = fs.lstatSync(path.join(copied, 'junction')).isSymbolicLink();
  // The directory stays the one that was opened, whatever its path leads to by now.
  const directory = await openDirectory(path.join(tree, 'inner'));
  fs.renameSync(path.join(tree, 'inner'), path.join(tree, 'moved'));
  fs.symlinkSync(target, path.join(tree, 'inner'), 'junction');
  await directory.unlink('file');
  const made = await directory.open('new', 'w');
  await made.close();
  await directory.close();
  await rm(tree, { recursive: true });
  const left = fs.readdirSync(target).join(', ');
  const seen = `${errors.length} errors, ${isLink ? 'a link' : 'NO LINK'}, target has ${left}`;
  return must(errors.length === 0 && isLink && left === 'file', seen);
});

row('symbolic links', 'made by name, and never followed', async () => {
  const directory = await openDirectory(folder);
  try {
    fs.writeFileSync(at('leads-here'), 'content');
    try {
      await directory.symlink('leads-here', 'symbolic');
    } catch (error) {
      if (error.code !== 'EPERM' && error.code !== 'EACCES') throw error;
      throw new NotHere('needs an administrator or the Developer Mode');
    }
    const target = await directory.readlink('symbolic');
    const code = await codeOf(directory.open('symbolic'));
    const text = fs.readFileSync(at('symbolic'), 'utf8');
    const isRight = target === 'leads-here' && code === 'ELOOP' && text === 'content';
    return must(isRight, `${target}, ${code}, ${text}`);
  } finally {
    await directory.close();
  }
});

row('unusual names', 'listed, copied, compared and removed as they are', async () => {
  const [from, to] = [at('names'), at('names-copy')];
  fs.mkdirSync(from);
  const directory = await openDirectory(from);
  const names = ['half \ud83d of a pair', 'NUL', 'com1.txt', 'ends with a dot.', 'and a space '];
  for (const name of names) {
    const handle = await directory.open(name, 'wx');
    await handle.writeFile(name);
    await handle.close();
  }
  await directory.close();
  const { files, errors } = await copyTree(from, to);
  const compared = await verifyTree(from, to);
  const isSame = compared.differences.length === 0;
  const listed = await overlapped.readdir(to);
  const missing = names.filter((name) => !listed.includes(name));
  await rm(from, { recursive: true });
  await rm(to, { recursive: true });
  const seen = `${files} copied, ${errors.length} errors, missing: ${JSON.stringify(missing)}`;
  return must(errors.length === 0 && missing.length === 0 && isSame, seen);
});

row('names of open files', 'free at once after unlink() and rename()', async () => {
  fs.writeFileSync(at('open'), 'old');
  fs.writeFileSync(at('read-only'), 'old');
  fs.chmodSync(at('read-only'), 0o444);
  const directory = await openDirectory(folder);
  const handle = await directory.open('open');
  await directory.unlink('open');
  const made = await codeOf(directory.open('open', 'wx').then((file) => file.close()));
  await directory.rename('open', 'read-only');
  const text = await handle.readFile('utf8');
  await handle.close();
  await directory.close();
  const size = fs.statSync(at('read-only')).size;
  return must(made === 'no error' && text === 'old' && size === 0, `${made}, ${text}, ${size}`);
});

row('priority', 'idle reads', async () =>
  withHandle(await open(at('hinted'), 'w+', { ioPriority: 'idle' }), async (handle) => {
    await handle.write(Buffer.from('text'), { position: 0 });
    const { bytesRead } = await handle.read(Buffer.alloc(4), { position: 0 });
    return must(bytesRead === 4, `${bytesRead} bytes`);
  }),
);

row('waiting lock', 'granted when the other handle unlocks', async () => {
  fs.writeFileSync(at('locked'), 'x');
  const [one, other] = [await open(at('locked'), 'r+'), await open(at('locked'), 'r+')];
  await one.lock({ position: 0, length: 1 });
  const waiting = other.lock({ position: 0, length: 1 });
  await one.unlock({ position: 0, length: 1 });
  await waiting;
  await one.close();
  await other.close();
  return 'granted';
});

row('pipe without a reader', 'EPIPE', async () => {
  const pipe = await devices.createPipe();
  await pipe.readable.close();
  const code = await codeOf(pipe.writable.write(Buffer.from('x')));
  await pipe.writable.close();
  return must(code === 'EPIPE', code);
});

row('cancel', 'a waiting pipe read ends as an AbortError', async () => {
  const pipe = await devices.createPipe();
  const read = codeOf(pipe.readable.read(Buffer.alloc(1)));
  pipe.readable.cancel();
  const code = await read;
  await pipe.readable.close();
  await pipe.writable.close();
  return must(code === 'ABORT_ERR', code);
});

row('copy', 'for information: clone on ReFS and Dev Drives, engine on NTFS', async () => {
  fs.writeFileSync(at('source'), Buffer.alloc(8 * MiB, 's'));
  const report = await copy(at('source'), at('copied'));
  return `${report.strategy}${report.reason ? ` (${report.reason})` : ''}`;
});

row('fdatasync', 'for information: no slower than fsync', async () =>
  withHandle(await open(at('synced'), 'w'), async (handle) => {
    const timeOf = async (sync) => {
      const start = performance.now();
      for (let i = 0; i < 20; i++) {
        await handle.write(Buffer.alloc(4096), { position: 0 });
        await sync();
      }
      return (performance.now() - start) / 20;
    };
    const [data, all] = [await timeOf(() => handle.datasync()), await timeOf(() => handle.sync())];
    return `${data.toFixed(2)} ms, fsync ${all.toFixed(2)} ms`;
  }),
);

row('long path', 'over 260 characters', async () => {
  const deep = path.join(folder, ...new Array(12).fill('d'.repeat(30)));
  fs.mkdirSync(deep, { recursive: true });
  await overlapped.writeFile(path.join(deep, 'file'), 'deep');
  const text = await overlapped.readFile(path.join(deep, 'file'), 'utf8');
  return must(text === 'deep', `${path.join(deep, 'file').length} characters`);
});

row('physical drive', 'its first sector, as administrator', async () => {
  const drive = await devices.openDrive(0).catch((error) => {
    throw new NotHere(error.message);
  });
  return withHandle(drive, async (handle) => {
    const { length, memory } = handle.alignment;
    const sector = allocAligned(length, { alignment: memory });
    const { bytesRead } = await handle.read(sector, { position: 0 });
    const isFile = (await handle.stat()).isFile();
    const seen = `${bytesRead} bytes of ${await devices.deviceSize(handle)}`;
    return must(bytesRead === length && !isFile, isFile ? 'a file' : seen);
  });
});

row('serial port', 'what is sent comes back through a loop', async () => {
  const name = process.env.OVERLAPPED_SERIAL_PORT;
  if (!name) throw new NotHere('OVERLAPPED_SERIAL_PORT is not set');
  const port = await devices.openSerialPort(name, { baudRate: 115_200, readTimeoutMs: 2000 });
  return withHandle(port, async (handle) => {
    await handle.write(Buffer.from('loop'));
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(4));
    return must(bytesRead > 0, buffer.toString('utf8', 0, bytesRead));
  });
});

async function verdictOf({ run }) {
  try {
    return ['ok', await run()];
  } catch (error) {
    return error instanceof NotHere ? ['not here', error.message] : ['WRONG', error.message];
  }
}

async function main() {
  console.log(`Windows ${os.release()}, Node ${process.version}, ${folder}`);
  let wrong = 0;
  const [, , , only] = process.argv;
  const chosen = rows.filter(({ name }) => only === undefined || name === only);
  for (const entry of chosen) {
    const [verdict, seen] = await verdictOf(entry);
    if (verdict === 'WRONG') wrong++;
    console.log(`${verdict.padEnd(8)} ${entry.name}: expected ${entry.expected}; seen: ${seen}`);
  }
  console.log(`${chosen.length} rows, ${wrong} wrong`);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 }).catch((error) => {
    console.log(`the files of the rows remain: ${error.message}`);
  });
  process.exitCode = wrong > 0 ? 1 : 0;
}

if (process.platform === 'win32') await main();
else console.log('This checklist is for Windows.');
