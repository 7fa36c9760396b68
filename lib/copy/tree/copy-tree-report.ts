import type { FileRange } from '../../handle/sparse.js';
import type { CopyFallback } from '../fallbacks.js';

/** An error of one entry of a tree. */
export interface TreeError {
  /** Relative to the source, with slashes; '.' for the source itself. */
  path: string;
  /** The reason. */
  error: unknown;
}

/** Metadata that one entry of the destination lacks. */
export interface RefusedMetadata {
  /** Relative to the source, with slashes. */
  path: string;
  /** Names of parts, as in `options.metadata`. */
  parts: string[];
}

/** One change of a destination; in a dry run, one that would be made. */
export interface TreeChange {
  /**
   * 'copy': content of a file was copied; 'folder', 'link', 'hardLink': one was made; 'device': a
   * device or a FIFO was made; 'metadata': only mode or owner were set; 'delete': the entry was
   * removed.
   */
  action: 'copy' | 'folder' | 'link' | 'hardLink' | 'device' | 'metadata' | 'delete';
  /** Relative to the source, with slashes; the name of the copy if the source is a file. */
  path: string;
  /**
   * How the destination differed. 'new': it had no such entry; 'type': it had another kind of
   * entry; 'size', 'time', 'content', 'target', 'metadata': that property differed; 'extra': the
   * source lacks the entry; 'exists': the copy of a single file replaces the destination, which is
   * not compared.
   */
  reason:
    | ('new' | 'type' | 'size' | 'time' | 'content' | 'target' | 'metadata' | 'extra')
    | 'exists';
}

/** A step that the system refused for one file or several, and what was done instead. */
export interface TreeFallback extends CopyFallback {
  /** Relative to the source, with slashes. */
  path: string;
}

/** Parts of a file that could not be read, and are zeros in its copy. */
export interface BadSectors {
  /** Relative to the source, with slashes. */
  path: string;
  /** In order. */
  ranges: FileRange[];
}

/** The result of copyTree() and mirror(); in a dry run, what they would do. */
export interface CopyTreeReport {
  /** Always 'folder'. */
  kind: 'folder';
  /** Files whose content was copied. */
  files: number;
  /** Folders that were made. */
  folders: number;
  /** Symbolic links and junctions that were made. */
  links: number;
  /** Hard links that were made. */
  hardLinks: number;
  /** FIFOs and devices that were made. */
  devices: number;
  /** Bytes of content that were copied. */
  bytes: number;
  /** Files and links left alone: unchanged ones, and with `force: false` all existing ones. */
  skipped: number;
  /** Files and links whose copies already have the same size and time, or the same target. */
  unchanged: number;
  /** Files, links and folders that were removed. */
  deleted: number;
  /** Files that were written to while being copied, and accepted, relative to the source. */
  changed: string[];
  /** Sockets, which have no content and are skipped, relative to the source. */
  leftOut: string[];
  /** Steps that the system refused, and what was done instead; each once, with the first file. */
  fallbacks: TreeFallback[];
  /** Files with parts that could not be read, and are zeros in the copies. */
  badSectors: BadSectors[];
  /** How often a step was repeated because of `retries`. */
  retried: number;
  /** Errors of single entries; empty if the destination has everything in the source. */
  errors: TreeError[];
  /**
   * Metadata that the destination or the rights of the process refused, unless requested by name.
   * Every run tries, and lists, it again.
   */
  metadataRefused: RefusedMetadata[];
  /** Whether an error ended the copy early: no space, a read-only file system, no destination. */
  stopped: boolean;
  /** Whether an error made the copy keep entries that `delete` would have removed. */
  deleteSkipped: boolean;
  /** Milliseconds that the copy took. */
  durationMs: number;
}

/** Returns the report of a copy before its first step. */
export function emptyReport(): CopyTreeReport {
  return {
    kind: 'folder',
    ...{ files: 0, folders: 0, links: 0, hardLinks: 0, bytes: 0, skipped: 0, unchanged: 0 },
    devices: 0,
    ...{
      deleted: 0,
      errors: [],
      changed: [],
      leftOut: [],
      fallbacks: [],
      badSectors: [],
      retried: 0,
      metadataRefused: [],
      stopped: false,
      deleteSkipped: false,
    },
    durationMs: 0,
  };
}
