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

/** A file system on a disk of its own, with sectors of 4096 bytes. */
export class Disk {
  readonly folder: string;
  readonly #device: string;

  constructor(size: number) {
    const base = temporaryFolder();
    const image = path.join(base, 'disk');
    this.folder = path.join(base, 'mounted');
    fs.mkdirSync(this.folder);
    fs.writeFileSync(image, '');
    fs.truncateSync(image, size);
    this.#device = run('losetup', '--show', '--find', '--sector-size', '4096', image).trim();
    try {
      run('mkfs.ext4', '-q', '-b', '4096', '-m', '0', this.#device);
      run('mount', this.#device, this.folder);
    } catch (error) {
      run('losetup', '--detach', this.#device);
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
    run('losetup', '--detach', this.#device);
  }
}
