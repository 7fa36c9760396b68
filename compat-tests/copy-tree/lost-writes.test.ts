import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect } from 'vitest';
import { copyTree, verifyTree } from '../../lib/index.js';
import { canMakeDisks } from '../alignment/loop-device.js';
import { isLinux, randomBytes, temporaryFolder, testWhere } from '../helpers.js';
import { folderOf, namesIn } from './trees.js';

const test = testWhere(canMakeDisks, 'disks need root and loop devices', { mustRun: isLinux });

/** A disk that accepts writes and loses those for which its backing store has no room. */
class LosingDisk {
  readonly folder: string;
  readonly #store: string;
  readonly #device: string;

  constructor() {
    const parent = temporaryFolder();
    this.#store = path.join(parent, 'store');
    this.folder = path.join(parent, 'disk');
    for (const made of [this.#store, this.folder]) fs.mkdirSync(made);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'none', this.#store]);
    const image = path.join(this.#store, 'image');
    execFileSync('truncate', ['-s', '128M', image]);
    this.#device = execFileSync('losetup', ['--show', '-f', image]).toString().trim();
    execFileSync('mkfs.ext4', ['-q', '-F', '-E', 'nodiscard', this.#device]);
    this.mount();
  }

  mount(): void {
    execFileSync('mount', ['-o', 'errors=continue', this.#device, this.folder]);
  }

  unmount(): void {
    execFileSync('umount', [this.folder]);
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

test('a disk that loses writes is an error, and no name leads to lost bytes', async () => {
  const content = Array.from({ length: 400 }, (_, i) => [`f${i}`, randomBytes(100_000, i + 1)]);
  const source = folderOf(Object.fromEntries(content));
  const disk = new LosingDisk();
  try {
    const to = path.join(disk.folder, 'to');
    const report = await copyTree(source, to);
    expect(report.errors.length).toBeGreaterThan(0);
    expect(report.files).toBeLessThan(400);
    disk.unmount();
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
    expect(wrong).toEqual([]);
  } finally {
    disk.remove();
  }
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
