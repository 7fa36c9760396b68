import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { temporaryFolder, unmount } from '../helpers.js';

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Whether this machine allows creating loop devices. */
export const canMakeDisks =
  process.platform === 'linux' && process.getuid?.() === 0 && fs.existsSync('/dev/loop-control');

/** A loop device, by default with sectors of 4096 bytes. */
export class LoopDevice {
  readonly path: string;
  /** The file behind the device. */
  readonly image: string;

  /** @param folder holds the file behind the device */
  constructor(size: number, sectorSize = 4096, folder = temporaryFolder()) {
    this.image = path.join(folder, 'disk');
    fs.writeFileSync(this.image, '');
    fs.truncateSync(this.image, size);
    const sectors = ['--sector-size', String(sectorSize)];
    this.path = run('losetup', '--show', '--find', ...sectors, this.image).trim();
  }

  remove(): void {
    run('losetup', '--detach', this.path);
  }
}

/** 128 MiB are enough for btrfs, 320 MiB for XFS. */
export type FileSystem = 'ext4' | 'xfs' | 'btrfs';

const mkfsOptions: Readonly<Record<FileSystem, readonly string[]>> = {
  ext4: ['-q', '-b', '4096', '-m', '0'],
  xfs: ['-q', '-m', 'reflink=1'],
  btrfs: ['-q'],
};

/** Whether this machine can create such a file system. */
export function canMake(type: FileSystem): boolean {
  if (!canMakeDisks) return false;
  const folders = ['/sbin', '/usr/sbin'];
  return folders.some((folder) => fs.existsSync(path.join(folder, `mkfs.${type}`)));
}

/** A file system on a loop device. */
export class Disk {
  readonly folder: string;
  readonly #device: LoopDevice;

  /** @param options more arguments of mkfs */
  constructor(size: number, type: FileSystem = 'ext4', options: readonly string[] = []) {
    this.folder = path.join(temporaryFolder(), 'mounted');
    fs.mkdirSync(this.folder);
    this.#device = new LoopDevice(size);
    try {
      run(`mkfs.${type}`, ...mkfsOptions[type], ...options, this.#device.path);
      run('mount', this.#device.path, this.folder);
    } catch (error) {
      this.#device.remove();
      throw error;
    }
  }

  /** The file behind the disk. */
  get image(): string {
    return this.#device.image;
  }

  /** Remounts the disk, read-only or not; nothing stays cached. */
  async remount(mode: 'ro' | 'rw'): Promise<void> {
    await unmount(this.folder);
    run('mount', '-o', mode, this.#device.path, this.folder);
  }

  remove(): void {
    try {
      run('umount', this.folder);
    } catch {
      // Files that are still open must not hold the device.
      run('umount', '--lazy', this.folder);
    }
    this.#device.remove();
  }
}
