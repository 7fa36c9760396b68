import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterEach } from 'vitest';
import { isLinux, packageFolder, temporaryFolder } from '../helpers.js';

// File systems that reject operations, implemented by fault-fs.c with FUSE.

function build(): string | undefined {
  if (!isLinux || process.geteuid?.() !== 0 || !fs.existsSync('/dev/fuse')) return undefined;
  const program = path.join(temporaryFolder(), 'fault-fs');
  const source = path.join(packageFolder, 'compat-tests', 'faults', 'fault-fs.c');
  try {
    const flags = execFileSync('pkg-config', ['--cflags', '--libs', 'fuse3'], { stdio: 'pipe' });
    const words = flags.toString().trim().split(/\s+/);
    execFileSync('cc', ['-O1', '-o', program, source, ...words], { stdio: 'pipe' });
    return program;
  } catch {
    return undefined;
  }
}

const program = build();

export const canMakeFaults = program !== undefined;
export const faultsNeed = 'faults need root, FUSE, libfuse3-dev, pkg-config and a C compiler';

/** A folder on a file system with faults, such as `fsync=95,lseek=22`. */
export class FaultyFolder {
  /** Shows the content of `root`, with the faults. */
  readonly folder: string;
  readonly root: string;

  constructor(faults: string) {
    const parent = temporaryFolder();
    this.root = path.join(parent, 'root');
    this.folder = path.join(parent, 'shown');
    for (const made of [this.root, this.folder]) fs.mkdirSync(made);
    const env = { ...process.env, FAULT_ROOT: this.root, FAULTS: faults };
    const options = ['-o', 'allow_other,default_permissions'];
    execFileSync(program as string, [this.folder, ...options], { env, stdio: 'ignore' });
  }

  at(name: string): string {
    return path.join(this.folder, name);
  }

  remove(): void {
    execFileSync('umount', ['--lazy', this.folder]);
  }
}

/** Returns a function that makes such folders; each is removed after the test that made it. */
export function faultyFolders(): (faults: string) => FaultyFolder {
  const made: FaultyFolder[] = [];
  afterEach(() => {
    for (const folder of made.splice(0)) folder.remove();
  });
  return (faults) => {
    const folder = new FaultyFolder(faults);
    made.push(folder);
    return folder;
  };
}
