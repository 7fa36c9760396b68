import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { temporaryFolder } from '../helpers.js';

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Whether this machine lets us make a disk. */
export const canMakeDisks =
  process.platform === 'linux' && process.getuid?.() === 0 && fs.existsSync('/dev/loop-control');

/** 128 MiB are enough for btrfs, 320 MiB for XFS. */
export type FileSystem = 'ext4' | 'xfs' | 'btrfs';

const mkfsOptions: Readonly<Record<FileSystem, readonly string[]>> = {
  ext4: ['-q', '-b', '4096', '-m', '0'],
  xfs: ['-q', '-m', 'reflink=1'],
  btrfs: ['-q'],
};

/** Whether this machine can make such a file system. */
export function canMake(type: FileSystem): boolean {
  if (!canMakeDisks) return false;
  const folders = ['/sbin', '/usr/sbin'];
  return folders.some((folder) => fs.existsSync(path.join(folder, `mkfs.${type}`)));
}

/** A file system on a disk of its own, with sectors of 4096 bytes. */
export class Disk {
  readonly folder: string;
  /** The file that the disk is. */
  readonly image: string;
  readonly #device: string;

  constructor(size: number, type: FileSystem = 'ext4') {
    const base = temporaryFolder();
    this.image = path.join(base, 'disk');
    this.folder = path.join(base, 'mounted');
    fs.mkdirSync(this.folder);
    fs.writeFileSync(this.image, '');
    fs.truncateSync(this.image, size);
    this.#device = run('losetup', '--show', '--find', '--sector-size', '4096', this.image).trim();
    try {
      run(`mkfs.${type}`, ...mkfsOptions[type], this.#device);
      run('mount', this.#device, this.folder);
    } catch (error) {
      run('losetup', '--detach', this.#device);
      throw error;
    }
  }

  /** Mounts it again, for reading alone or not; what was cached is not any more. */
  remount(mode: 'ro' | 'rw'): void {
    run('umount', this.folder);
    run('mount', '-o', mode, this.#device, this.folder);
  }

  remove(): void {
    try {
      run('umount', this.folder);
    } catch {
      // What is still open must not keep the device.
      run('umount', '--lazy', this.folder);
    }
    run('losetup', '--detach', this.#device);
  }
}
