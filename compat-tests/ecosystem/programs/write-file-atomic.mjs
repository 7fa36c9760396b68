import * as path from 'node:path';
import write from 'write-file-atomic';

const failure = ({ code, errno, syscall, message }) => ({
  code,
  errno,
  syscall,
  // The name of the temporary file contains the number of the process.
  message: message.replace(/\.\d+'/, ".<number>'"),
});

/** Writes files atomically: one by one, many at once, with and without waiting for the disk. */
export async function run({ fs, source, folder }) {
  const at = (name) => path.join(folder, name);
  await write(at('text.txt'), 'text');
  await write(at('latin1.txt'), 'grüße', 'latin1');
  await write(at('bytes.bin'), await fs.promises.readFile(path.join(source, 'large.bin')));
  await write(at('mode.txt'), 'mode', { mode: 0o600, fsync: false });
  await write(at('kept mode.txt'), 'first', { mode: 0o640 });
  await write(at('kept mode.txt'), 'second');
  await write(at('nothing.txt'), undefined);

  // Writes to one file are ordered: the last one wins.
  const texts = Array.from({ length: 40 }, (_, i) => `write ${i}\n`.repeat(i * 100));
  await Promise.all(texts.map((text) => write(at('contended.txt'), text, { fsync: false })));
  await Promise.all(
    texts.map((text, i) => write(at(`file ${i}.txt`), text, { fsync: i % 8 === 0 })),
  );
  write.sync(at('sync.txt'), 'sync', { mode: 0o644 });

  const seen = [];
  await write(at('observed.txt'), 'observed', {
    tmpfileCreated: async (name) => {
      seen.push(path.basename(name).replace(/\d+/, '<number>'), fs.existsSync(name));
      seen.push(fs.existsSync(at('observed.txt')));
    },
  });
  const byCallback = await new Promise((resolve) => {
    write(at('called back.txt'), 'called back', (error) => resolve(error ?? 'no error'));
  });
  const failures = [
    await write(at('no folder/file.txt'), 'text').catch(failure),
    await write(folder, 'a folder').catch(failure),
    await write(at('refused.txt'), 'x', {
      tmpfileCreated: () => Promise.reject(new Error('refused')),
    }).catch(failure),
  ];
  return { seen, byCallback, failures };
}
