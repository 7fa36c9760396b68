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
  /** By the names of `options.metadata`. */
  parts: string[];
}

/** One change of the destination; of a dry run one that would be made. */
export interface TreeChange {
  /**
   * 'copy': the content of a file; 'folder', 'link', 'hardLink': one was made; 'metadata': mode or
   * owner were set, and the content is left; 'delete': the entry was removed.
   */
  action: 'copy' | 'folder' | 'link' | 'hardLink' | 'metadata' | 'delete';
  /** Relative to the source, with slashes. */
  path: string;
  /**
   * How the destination differed: 'new': it had nothing there; 'type': a file instead of a folder,
   * for example; 'size', 'time', 'content', 'target',
   * 'metadata': that differed; 'extra': the source lacks it.
   */
  reason: 'new' | 'type' | 'size' | 'time' | 'content' | 'target' | 'metadata' | 'extra';
}

/** A step that the system refused for a file, and perhaps for more, and what was done instead. */
export interface TreeFallback extends CopyFallback {
  /** Relative to the source, with slashes. */
  path: string;
}

/** What copyTree() and mirror() have done; of a dry run what they would do. */
export interface CopyTreeReport {
  /** The source was a folder. */
  kind: 'folder';
  /** Files whose content was copied. */
  files: number;
  /** Folders that were made. */
  folders: number;
  /** Symbolic links and junctions that were made. */
  links: number;
  /** Further names given to files. */
  hardLinks: number;
  /** Bytes of content that were copied. */
  bytes: number;
  /** Files and links that were left alone: unchanged ones, and with `force: false` all existing. */
  skipped: number;
  /** Files and links whose copies have the same size and time already, or the same target. */
  unchanged: number;
  /** Files, links and folders that were removed. */
  deleted: number;
  /** Files that were written to while they were copied, and accepted so, relative to the source. */
  changed: string[];
  /** Sockets, which have no content and are left out, relative to the source. */
  leftOut: string[];
  /** Steps that the system refused, and what was done instead; each once, with the first file. */
  fallbacks: TreeFallback[];
  /** Errors of single entries; empty when the destination has all of the source. */
  errors: TreeError[];
  /**
   * Metadata that the destination or the rights of the process refused, without having been asked
   * for by name. It is tried, and listed, again in every run.
   */
  metadataRefused: RefusedMetadata[];
  /** Whether an error ended the copy early: no space, a read-only file system, no destination. */
  stopped: boolean;
  /** Whether entries were kept that `delete` would have removed, because of an error. */
  deleteSkipped: boolean;
  /** Milliseconds that the copy took. */
  durationMs: number;
}

/** The report of a copy that has done nothing yet. */
export function emptyReport(): CopyTreeReport {
  return {
    kind: 'folder',
    ...{ files: 0, folders: 0, links: 0, hardLinks: 0, bytes: 0, skipped: 0, unchanged: 0 },
    ...{
      deleted: 0,
      errors: [],
      changed: [],
      leftOut: [],
      fallbacks: [],
      metadataRefused: [],
      stopped: false,
      deleteSkipped: false,
    },
    durationMs: 0,
  };
}
