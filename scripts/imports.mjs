// Which libraries a binary needs, for checks of the prebuilt addons.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';

/** The text that ends with a zero byte. */
function textAt(bytes, offset) {
  return bytes.toString('latin1', offset, bytes.indexOf(0, offset));
}

// ---- Mach-O (loader.h of macOS)

const machO64 = 0xfeedfacf;
const machHeaderBytes = 32;
const loadDylib = [0xc, 0x80000018, 0x8000001f];
const buildVersion = 0x32;
const versionMin = 0x24;

function* loadCommands(bytes) {
  let offset = machHeaderBytes;
  for (let left = bytes.readUInt32LE(16); left > 0; left--) {
    yield [bytes.readUInt32LE(offset), offset];
    offset += bytes.readUInt32LE(offset + 4);
  }
}

function readMachO(bytes) {
  const libraries = [];
  let system;
  for (const [command, offset] of loadCommands(bytes)) {
    if (loadDylib.includes(command)) {
      libraries.push(textAt(bytes, offset + bytes.readUInt32LE(offset + 8)));
    } else if (command === buildVersion || command === versionMin) {
      const version = bytes.readUInt32LE(offset + (command === buildVersion ? 12 : 8));
      system = `${version >> 16}.${(version >> 8) & 0xff}`;
    }
  }
  return { libraries, late: [], system };
}

// ---- PE (Microsoft's "PE Format"): 64-bit images

const peSignature = 0x4550;
const directoriesOffset = 112;
const directoryOf = { import: 1, delayImport: 13 };

function peSections(bytes, header) {
  const count = bytes.readUInt16LE(header + 6);
  const first = header + 24 + bytes.readUInt16LE(header + 20);
  return Array.from({ length: count }, (_, index) => {
    const at = first + 40 * index;
    const [size, address, rawSize, raw] = [8, 12, 16, 20].map((o) => bytes.readUInt32LE(at + o));
    return { address, end: address + Math.max(size, rawSize), raw };
  });
}

function readPe(bytes, header) {
  const sections = peSections(bytes, header);
  const offsetOf = (address) => {
    const section = sections.find((one) => address >= one.address && address < one.end);
    return address - section.address + section.raw;
  };
  // The names are at `nameOffset` of entries of `entryBytes` bytes; the last entry has none.
  const names = (directory, entryBytes, nameOffset) => {
    const table = bytes.readUInt32LE(header + 24 + directoriesOffset + 8 * directory);
    const found = [];
    for (let at = table && offsetOf(table); at > 0; at += entryBytes) {
      const name = bytes.readUInt32LE(at + nameOffset);
      if (name === 0) break;
      found.push(textAt(bytes, offsetOf(name)));
    }
    return found;
  };
  return {
    libraries: names(directoryOf.import, 20, 12),
    late: names(directoryOf.delayImport, 32, 4),
  };
}

// ---- ELF, by readelf of binutils

function readelf(...args) {
  const { status, error, stdout, stderr } = spawnSync('readelf', args, { encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`readelf: ${stderr}`);
  return stdout;
}

function readElf(file) {
  const needed = readelf('-dW', file).matchAll(/NEEDED.*\[(.*)\]/g);
  const symbols = readelf('--dyn-syms', '-W', file);
  const versions = [...symbols.matchAll(/GLIBC_([\d.]+)/g)].map(([, version]) => version);
  const numeric = new Intl.Collator('en', { numeric: true });
  return {
    libraries: [...needed].map(([, library]) => library),
    late: [],
    system: versions.sort(numeric.compare).at(-1),
  };
}

/**
 * What a binary of ELF, Mach-O or PE needs: the `libraries` that are loaded with it, those that are
 * loaded `late`, when first called, and the oldest `system`: version of glibc or macOS.
 */
export function importsOf(file) {
  const bytes = fs.readFileSync(file);
  if (bytes.readUInt32LE(0) === machO64) return readMachO(bytes);
  const header = bytes.toString('latin1', 0, 2) === 'MZ' ? bytes.readUInt32LE(0x3c) : 0;
  if (header > 0 && bytes.readUInt32LE(header) === peSignature) return readPe(bytes, header);
  return readElf(file);
}
