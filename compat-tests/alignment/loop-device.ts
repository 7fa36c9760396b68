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

/** A disk of its own, with sectors of 4096 bytes. */
export class LoopDevice {
  readonly path: string;

  constructor(size: number) {
    const image = path.join(temporaryFolder(), 'disk');
    fs.writeFileSync(image, '');
    fs.truncateSync(image, size);
    this.path = run('losetup', '--show', '--find', '--sector-size', '4096', image).trim();
  }

  remove(): void {
    run('losetup', '--detach', this.path);
  }
}

/** A file system on such a disk. */
export class Disk {
  readonly folder: string;
  readonly #device: LoopDevice;

  constructor(size: number) {
    this.folder = path.join(temporaryFolder(), 'mounted');
    fs.mkdirSync(this.folder);
    this.#device = new LoopDevice(size);
    try {
      run('mkfs.ext4', '-q', '-b', '4096', '-m', '0', this.#device.path);
      run('mount', this.#device.path, this.folder);
    } catch (error) {
      this.#device.remove();
      throw error;
    }
  }

  remove(): void {
    try {
      run('umount', this.folder);
    } catch {
      // What is still open must not keep the device.
      run('umount', '--lazy', this.folder);
    }
    this.#device.remove();
  }
}
