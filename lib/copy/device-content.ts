import { Buffer } from 'node:buffer';
import type { CoreHandle } from '../handle/core-handle.js';
import { memoryAlignmentOf, readChunk } from '../transfer/chunk-io.js';
import { unsetMemory } from '../transfer/chunk-memory.js';

/** Bytes by which the content of a device is recognized. */
interface Signature {
  position: number;
  bytes: Buffer;
  name: string;
}

function text(position: number, bytes: string, name: string): Signature {
  return { position, bytes: Buffer.from(bytes, 'latin1'), name };
}

function number32(position: number, value: number, name: string): Signature {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return { position, bytes, name };
}

// The places are those of libblkid (util-linux, libblkid/src). Boot sectors come last, since other
// contents have them, too.
const signatures: readonly Signature[] = [
  text(0, 'LUKS\xba\xbe', 'an encrypted volume (LUKS)'),
  text(0, 'XFSB', 'an XFS file system'),
  text(0, 'hsqs', 'a squashfs file system'),
  text(3, 'NTFS    ', 'an NTFS file system'),
  text(3, 'EXFAT   ', 'an exFAT file system'),
  text(32, 'NXSB', 'an APFS container'),
  text(512, 'LABELONE', 'a physical volume of LVM'),
  text(512, 'EFI PART', 'a partition table (GPT)'),
  text(4096, 'EFI PART', 'a partition table (GPT)'),
  number32(0, 0xa92b4efc, 'a part of a RAID'),
  number32(4096, 0xa92b4efc, 'a part of a RAID'),
  number32(1024, 0xf2f52010, 'an F2FS file system'),
  text(1024 + 0x38, '\x53\xef', 'an ext file system'),
  text(4086, 'SWAPSPACE2', 'a swap area'),
  text(32_769, 'CD001', 'an ISO 9660 file system'),
  text(65_536 + 64, '_BHRfS_M', 'a btrfs file system'),
  number32(131_072, 0x00bab10c, 'a ZFS pool'),
  text(510, '\x55\xaa', 'a partition table or a boot sector'),
];

const examined = 132 * 1024;
const sectorMax = 4096;

/**
 * Returns the name of a file system, a partition table or the like at the start of an open device;
 * undefined if none is recognized.
 */
export async function contentOfDevice(device: CoreHandle): Promise<string | undefined> {
  const alignment = Math.max(sectorMax, memoryAlignmentOf(device));
  const memory = unsetMemory(examined, alignment);
  const size = Math.min(examined, await device.size());
  const filled = await readChunk(device, memory, size, 0);
  return signatures.find(({ position, bytes }) => {
    const end = position + bytes.byteLength;
    return end <= filled && memory.subarray(position, end).equals(bytes);
  })?.name;
}
