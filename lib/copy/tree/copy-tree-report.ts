/** What a part of a tree could not be copied for. */
export interface TreeError {
  /** Relative to the source, with slashes; '.' for the source itself. */
  path: string;
  error: unknown;
}

/** What a file, folder or link does not have of its source, by the names of the options. */
export interface RefusedMetadata {
  /** Relative to the source, with slashes. */
  path: string;
  parts: string[];
}

/** What has been done; of a dry run what would be done. */
export interface CopyTreeReport {
  /** Files whose content was copied. */
  files: number;
  /** Folders that were made. */
  folders: number;
  /** Symbolic links and junctions that were made. */
  links: number;
  /** Further names that files were given. */
  hardLinks: number;
  /** Bytes of content that were copied. */
  bytes: number;
  /** Files and links that were there already. */
  skipped: number;
  /** Files, links and folders that were removed. */
  deleted: number;
  /** Empty when all of the source is in the destination. */
  errors: TreeError[];
  /**
   * What the destination, or the rights of the process, refused of metadata that nobody named. What
   * has not changed otherwise is tried again, and is here again, in every run.
   */
  metadataRefused: RefusedMetadata[];
  /** Whether an error ended the copy early: no space, a read-only file system, no destination. */
  stopped: boolean;
  /** Whether `delete` was wanted and not done, since there were errors in reading or copying. */
  deleteSkipped: boolean;
  durationMs: number;
}

/** The report of a copy that has done nothing yet. */
export function emptyReport(): CopyTreeReport {
  return {
    ...{ files: 0, folders: 0, links: 0, hardLinks: 0, bytes: 0, skipped: 0, deleted: 0 },
    ...{ errors: [], metadataRefused: [], stopped: false, deleteSkipped: false, durationMs: 0 },
  };
}
