// For which machine a binary is and which libraries it needs, for checks of the prebuilt addons.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';

/** The text that ends with a zero byte. */
function textAt(bytes, offset) {
  return bytes.toString('latin1', offset, bytes.indexOf(0, offset));
}

// ---- Mach-O (loader.h of macOS)

const machO64 = 0xfeedfacf;
const machProcessors = { 16777223: 'x64', 16777228: 'arm64' };
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
  const cpu = machProcessors[bytes.readUInt32LE(4)];
  return { os: 'darwin', cpu, libraries, late: [], system };
}

// ---- PE (Microsoft's "PE Format"): 64-bit images

const peSignature = 0x4550;
const peProcessors = { 34404: 'x64', 43620: 'arm64' };
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
    os: 'win32',
    cpu: peProcessors[bytes.readUInt16LE(header + 4)],
    libraries: names(directoryOf.import, 20, 12),
    late: names(directoryOf.delayImport, 32, 4),
  };
}

// ---- ELF, by readelf of binutils

const elfProcessors = { 62: 'x64', 183: 'arm64' };

function readelf(...args) {
  const { status, error, stdout, stderr } = spawnSync('readelf', args, { encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`readelf: ${stderr}`);
  return stdout;
}

/** @param libraries those that an addon needs: glibc's have versions, and that of musl has none */
function libcOf(libraries) {
  if (libraries.some((name) => /^libc\.so\.\d/.test(name))) return 'glibc';
  return libraries.some((name) => /^libc\.(?:so|musl-)/.test(name)) ? 'musl' : undefined;
}

function readElf(file, bytes) {
  const needed = readelf('-dW', file).matchAll(/NEEDED.*\[(.*)\]/g);
  const libraries = [...needed].map(([, library]) => library);
  const symbols = readelf('--dyn-syms', '-W', file);
  const versions = [...symbols.matchAll(/GLIBC_([\d.]+)/g)].map(([, version]) => version);
  const numeric = new Intl.Collator('en', { numeric: true });
  return {
    ...{ os: 'linux', cpu: elfProcessors[bytes.readUInt16LE(18)], libc: libcOf(libraries) },
    ...{ libraries, late: [] },
    system: versions.sort(numeric.compare).at(-1),
  };
}

/**
 * Returns the needs of a binary of ELF, Mach-O or PE: the `os`, `cpu` and `libc` by npm's names,
 * the `libraries` that are loaded with it, those that are loaded `late`, when first called, and the
 * oldest `system`: version of glibc or macOS.
 */
export function importsOf(file) {
  const bytes = fs.readFileSync(file);
  if (bytes.readUInt32LE(0) === machO64) return readMachO(bytes);
  const header = bytes.toString('latin1', 0, 2) === 'MZ' ? bytes.readUInt32LE(0x3c) : 0;
  if (header > 0 && bytes.readUInt32LE(header) === peSignature) return readPe(bytes, header);
  return readElf(file, bytes);
}
