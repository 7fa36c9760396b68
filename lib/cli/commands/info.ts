import type { Stats } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { engine } from '../../engine/facts.js';
import { listStreams } from '../../functions/list-streams.js';
import { open } from '../../functions/open.js';
import { lstat } from '../../functions/status.js';
import { allocatedSize, type FileAttributes, getAttributes } from '../../handle/attributes.js';
import type { FileRange } from '../../handle/sparse.js';
import type { Alignment } from '../../transfer/alignment.js';
import type { StreamInfo } from '../../win32/named-streams.js';
import { exitCode } from '../exit-code.js';
import { codeOf } from '../failure.js';
import { alignmentText, bytesText, grouped } from '../format.js';
import type { OutputOptions, Row } from '../output.js';
import type { Context, Start } from '../run.js';
import { parsePathArgument } from '../values.js';
import { fileSystemOf, type SectorSizes, sectorSizesOf, sizeOfDevice } from '../volume.js';

const rangesShown = 8;
const withSectors: readonly string[] = ['file', 'block device'];

interface Ranges {
  count: number;
  /** The first ranges. */
  first: FileRange[];
}

/**
 * Facts from opening a file or a disk. `alignment` is null if it cannot be opened past the cache,
 * `allocatedRanges` is null if it is not a file, and `refused` says why it could not be opened at
 * all.
 */
interface OpenedFacts {
  alignment: Alignment | null;
  allocatedRanges: Ranges | null;
  refused: string | null;
}

interface Info extends OpenedFacts {
  path: string;
  kind: string;
  size: number;
  allocatedSize: number;
  fileSystem: string | null;
  sectors: SectorSizes | null;
  attributes: string[];
  /** Null if the system or the file system has no streams. */
  streams: StreamInfo[] | null;
  engine: string;
  engineReason: string | null;
}

export function addInfo(program: Command, start: Start): Command {
  return program
    .command('info')
    .summary('show facts about a file, folder or disk')
    .description('Shows facts about a file, a folder or a disk.')
    .argument('<path>', 'a link is not followed', parsePathArgument)
    .action((path: string, flags: OutputOptions) =>
      start(flags, (context) => printInfo(path, context)),
    );
}

async function printInfo(path: string, { output }: Context): Promise<number> {
  const info = await gather(path);
  output.result({ command: 'info', ...info }, rowsOf(info));
  return exitCode.done;
}

async function gather(path: string): Promise<Info> {
  const status = await lstat(path);
  const opened = await factsOfOpened(path, status);
  const ofItself = { followLinks: false };
  return {
    path,
    kind: kindOf(status),
    size: (status.isBlockDevice() ? await sizeOfDevice(status) : null) ?? status.size,
    allocatedSize: await allocatedSize(path, ofItself),
    // The target of a link may be on another file system than the link.
    fileSystem: await fileSystemOf(status.isSymbolicLink() ? dirname(path) : path),
    sectors: await sectorSizesOf(status, opened.alignment),
    attributes: namesOf(await getAttributes(path, ofItself)),
    streams: await streamsOf(path),
    ...opened,
    engine: engine.kind,
    engineReason: engine.reason,
  };
}

function kindOf(status: Stats): string {
  if (status.isFile()) return 'file';
  if (status.isDirectory()) return 'folder';
  if (status.isSymbolicLink()) return 'symbolic link';
  if (status.isBlockDevice()) return 'block device';
  if (status.isCharacterDevice()) return 'character device';
  return status.isFIFO() ? 'FIFO' : 'socket';
}

/** Opens only files and disks: opening would wait at a FIFO, and may have effects at a device. */
async function factsOfOpened(path: string, status: Stats): Promise<OpenedFacts> {
  const none = { alignment: null, allocatedRanges: null, refused: null };
  if (!status.isFile() && !status.isBlockDevice()) return none;
  try {
    await using handle = await open(path, 'r', { unbuffered: 'prefer' });
    const { alignment } = handle;
    const ranges: Ranges = { count: 0, first: [] };
    if (!status.isFile()) return { ...none, alignment };
    for await (const range of handle.allocatedRanges()) {
      if (++ranges.count <= rangesShown) ranges.first.push(range);
    }
    return { alignment, allocatedRanges: ranges, refused: null };
  } catch (error) {
    // A user without read permission may still see the other facts.
    if (codeOf(error) === undefined) throw error;
    return { ...none, refused: (error as Error).message };
  }
}

function namesOf(attributes: FileAttributes): string[] {
  return Object.entries(attributes).flatMap(([name, isSet]) => (isSet ? [name] : []));
}

async function streamsOf(path: string): Promise<StreamInfo[] | null> {
  if (process.platform !== 'win32') return null;
  try {
    return await listStreams(path);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return null;
  }
}

function rowsOf(info: Info): Row[] {
  const { sectors, streams } = info;
  const rows: Row[] = [
    ['path', info.path],
    ['kind', info.kind],
    ['size', sizeText(info.size)],
    ['allocated', sizeText(info.allocatedSize)],
    ...rangeRows(info.allocatedRanges),
    ['attributes', info.attributes.join(', ') || 'none'],
    ...(streams ?? []).map((stream) => streamRow(stream)),
    ['file system', info.fileSystem ?? 'not known'],
    ['sectors', sectors === null ? 'not known' : sectorsText(sectors)],
    ...alignmentRows(info),
    ['engine', info.engine + (info.engineReason === null ? '' : ` (${info.engineReason})`)],
  ];
  if (info.refused !== null) rows.push(['not opened', info.refused]);
  return rows;
}

function sizeText(bytes: number): string {
  return bytes < 1024 ? bytesText(bytes) : `${grouped(bytes)} bytes (${bytesText(bytes)})`;
}

function rangeRows(ranges: Ranges | null): Row[] {
  if (ranges === null) return [];
  const { count, first } = ranges;
  const shown = first.map(({ position, length }) => `${position}+${length}`).join(' ');
  return [['ranges', `${grouped(count)}${count === 0 ? '' : ': '}${shown}${more(ranges)}`]];
}

function more({ count, first }: Ranges): string {
  return count > first.length ? ' …' : '';
}

function streamRow({ name, type, size }: StreamInfo): Row {
  return ['stream', `${name === '' ? '(the data)' : name} ${type}, ${sizeText(size)}`];
}

function sectorsText({ logical, physical }: SectorSizes): string {
  return `logical ${logical}, physical ${physical} bytes`;
}

function alignmentRows({ alignment, kind, refused }: Info): Row[] {
  if (refused !== null || !withSectors.includes(kind)) return [];
  if (alignment === null) return [['alignment', 'none: its file system refuses direct I/O']];
  return [['alignment', alignmentText(alignment)]];
}
