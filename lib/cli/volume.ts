import type { Stats } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import type { Alignment } from '../transfer/alignment.js';

/** Sector sizes of a disk, in bytes. */
export interface SectorSizes {
  logical: number;
  physical: number;
}

/** Decodes spaces and the like, which proc_pid_mountinfo(5) writes in octal. */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

/** Returns the type of the file system of a path, as in mount(8); null if unknown. */
export async function fileSystemOf(path: string): Promise<string | null> {
  if (process.platform !== 'linux') return null;
  const real = await realpath(path).catch(() => undefined);
  const mounts = await readFile('/proc/self/mountinfo', 'utf8').catch(() => undefined);
  if (real === undefined || mounts === undefined) return null;
  let best = { folder: '', type: '' };
  for (const line of mounts.split('\n')) {
    // Fields: ID, parent, device, root, mount point, options, more up to a hyphen, type, …
    const [before = '', after = ''] = line.split(' - ');
    const folder = unescapeMount(before.split(' ')[4] ?? '');
    const type = after.split(' ')[0] ?? '';
    // The later of two mounts on one folder is the visible one.
    const isCloser = folder.length >= best.folder.length;
    if (folder !== '' && isCloser && isBelow(real, folder)) best = { folder, type };
  }
  return best.type === '' ? null : best.type;
}

/**
 * Returns the sector sizes of a disk, or of the disk that holds a file: on Linux from the kernel's
 * block queue (Documentation/ABI/stable/sysfs-block), on Windows from the alignment; else null.
 */
export async function sectorSizesOf(
  status: Stats,
  alignment: Alignment | null,
): Promise<SectorSizes | null> {
  if (process.platform === 'win32') {
    if (alignment === null) return null;
    return { logical: alignment.length, physical: alignment.memory };
  }
  if (process.platform !== 'linux') return null;
  const folder = blockFolder(status.isBlockDevice() ? status.rdev : status.dev);
  // The queue of a partition is one folder up, at its disk.
  for (const queue of [`${folder}/queue`, `${folder}/../queue`]) {
    if ((await stat(queue).catch(() => undefined)) === undefined) continue;
    const read = async (name: string): Promise<number> =>
      Number(await readFile(`${queue}/${name}`, 'utf8'));
    return {
      logical: await read('logical_block_size'),
      physical: await read('physical_block_size'),
    };
  }
  return null;
}

/** Returns the bytes of a disk, whose status reports 0; null if the kernel does not report them. */
export async function sizeOfDevice(status: Stats): Promise<number | null> {
  const size = `${blockFolder(status.rdev)}/size`;
  const sectors = await readFile(size, 'utf8').catch(() => undefined);
  // The file counts units of 512 bytes, whatever the sector size.
  return sectors === undefined ? null : Number(sectors) * 512;
}

function blockFolder(number: number): string {
  const device = BigInt(number);
  return `/sys/dev/block/${majorOf(device)}:${minorOf(device)}`;
}

// The inverse of glibc's makedev(3).
function majorOf(device: bigint): bigint {
  return ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn);
}
function minorOf(device: bigint): bigint {
  return (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
}
