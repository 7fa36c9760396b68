import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect } from 'vitest';
import { tellsLostWrites } from '../../lib/copy/tree/file-system-sync.js';
import { copyTree, verifyTree } from '../../lib/index.js';
import { canMakeDisks } from '../alignment/loop-device.js';
import { isLinux, randomBytes, temporaryFolder, testWhere, unmount } from '../helpers.js';
import { folderOf, namesIn } from './trees.js';

const test = testWhere(canMakeDisks, 'disks need root and loop devices', { mustRun: isLinux });

/** A disk that accepts writes and loses those for which its backing store has no room. */
class LosingDisk {
  readonly folder: string;
  readonly #store: string;
  readonly #device: string;

  constructor(features = 'has_journal') {
    const parent = temporaryFolder();
    this.#store = path.join(parent, 'store');
    this.folder = path.join(parent, 'disk');
    for (const made of [this.#store, this.folder]) fs.mkdirSync(made);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'none', this.#store]);
    const image = path.join(this.#store, 'image');
    execFileSync('truncate', ['-s', '128M', image]);
    this.#device = execFileSync('losetup', ['--show', '-f', image]).toString().trim();
    execFileSync('mkfs.ext4', ['-q', '-F', '-O', features, '-E', 'nodiscard', this.#device]);
    this.mount();
  }

  mount(): void {
    execFileSync('mount', ['-o', 'errors=continue', this.#device, this.folder]);
  }

  async unmount(): Promise<void> {
    await unmount(this.folder);
  }

  remove(): void {
    for (const command of [
      ['umount', '-l', this.folder],
      ['losetup', '-d', this.#device],
      ['umount', '-l', this.#store],
    ]) {
      try {
        execFileSync(command[0] as string, command.slice(1), { stdio: 'ignore' });
      } catch {
        // It was not mounted.
      }
    }
  }
}

/** Mounts an overlay whose files are kept in a folder of the disk. */
function mountOverlay(disk: LosingDisk): string {
  const folder = path.join(temporaryFolder(), 'overlay');
  fs.mkdirSync(folder);
  const [upper, work] = ['upper', 'work'].map((name) => path.join(disk.folder, name));
  for (const made of [upper, work]) fs.mkdirSync(made as string);
  const options = `lowerdir=${temporaryFolder()},upperdir=${upper},workdir=${work}`;
  execFileSync('mount', ['-t', 'overlay', '-o', options, 'none', folder]);
  return folder;
}

for (const kind of ['a disk', 'an overlay'] as const) {
  test(`no name leads to bytes that ${kind} has lost`, async () => {
    const content = Array.from({ length: 400 }, (_, i) => [`f${i}`, randomBytes(100_000, i + 1)]);
    const source = folderOf(Object.fromEntries(content));
    // Many syncs would leave a journal that the disk has lost in part, and that cannot be replayed.
    const disk = new LosingDisk(kind === 'an overlay' ? '^has_journal' : 'has_journal');
    try {
      const overlay = kind === 'an overlay' ? mountOverlay(disk) : undefined;
      const to = path.join(disk.folder, overlay === undefined ? 'to' : 'upper/to');
      const report = await copyTree(source, path.join(overlay ?? disk.folder, 'to'));
      expect(report.errors.length).toBeGreaterThan(0);
      expect(report.files).toBeLessThan(400);
      if (overlay !== undefined) await unmount(overlay);
      await disk.unmount();
      disk.mount();
      // The disk may also have lost folders, which are then unreadable.
      const read = (file: string): Buffer | undefined => {
        try {
          return fs.readFileSync(file);
        } catch {
          return undefined;
        }
      };
      const wrong = fs.readdirSync(source).filter((name) => {
        const copied = read(path.join(to, name));
        return copied !== undefined && !copied.equals(fs.readFileSync(path.join(source, name)));
      });
      // When its store takes a part of a write, the loop device reports all of it. The file with
      // that write gets its name if it is synced alone; a group fails because of the others.
      expect(wrong.length).toBeLessThanOrEqual(overlay === undefined ? 0 : 1);
    } finally {
      disk.remove();
    }
  });
}

test('bytes that a disk loses are noticed if it is mounted within the destination', async () => {
  const disk = new LosingDisk();
  try {
    const content = Array.from({ length: 160 }, (_, i) => [
      `${path.basename(disk.folder)}/f${i}`,
      randomBytes(200_000, i + 1),
    ]);
    const report = await copyTree(folderOf(Object.fromEntries(content)), path.dirname(disk.folder));
    expect(report.errors.length).toBeGreaterThan(0);
    expect(report.files).toBeLessThan(160);
  } finally {
    disk.remove();
  }
});

test('a sync of a file system counts only where it reports lost writes', () => {
  const [ext4, overlay] = [0xef53, 0x794c7630];
  expect(tellsLostWrites(ext4, '6.1.0-18-amd64')).toBe(true);
  expect(tellsLostWrites(ext4, '5.8')).toBe(true);
  expect(tellsLostWrites(ext4, '5.4.0-1-generic')).toBe(false);
  expect(tellsLostWrites(ext4, '4.19.0')).toBe(false);
  expect(tellsLostWrites(overlay, '6.12.1')).toBe(false);
});

test('files get their names in groups, and all of them are present', async () => {
  const content = Array.from({ length: 300 }, (_, i) => [`${i % 7}/f${i}`, `content ${i}`]);
  const source = folderOf({ ...Object.fromEntries(content), large: randomBytes(3_000_000) });
  const to = path.join(temporaryFolder(), 'to');
  const report = await copyTree(source, to, { concurrency: 8 });
  expect(report).toMatchObject({ files: 301, errors: [] });
  expect((await verifyTree(source, to)).differences).toEqual([]);
  expect(namesIn(to)).toEqual(namesIn(source));
});
