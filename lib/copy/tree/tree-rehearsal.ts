import type { MetadataPart } from '../metadata.js';
import type { CopiedFile } from './copy-small-file.js';
import type { Unnamed } from './small-files.js';
import type { TreeActions } from './tree-actions.js';
import type { Place } from './tree-place.js';
import type { Task } from './tree-plan.js';

/** The actions of a dry run: each returns its expected result, and changes nothing. */
export class TreeRehearsal implements TreeActions {
  async makeFolder({ there }: Task): Promise<boolean> {
    return there?.kind !== 'folder';
  }

  async openFolder(): Promise<void> {}

  async finishFolder(): Promise<MetadataPart[]> {
    return [];
  }

  async closeFolders(): Promise<void> {}

  async writeFile({ entry }: Task): Promise<CopiedFile> {
    return { bytes: entry.size, metadataRefused: [], changed: false, fallbacks: [] };
  }

  isSmall(): boolean {
    return false;
  }

  async writeSmallFiles(tasks: readonly Task[]): Promise<undefined[]> {
    return tasks.map(() => undefined);
  }

  async writeLink(): Promise<MetadataPart[]> {
    return [];
  }

  async writeName(): Promise<void> {}

  async keepMetadata(): Promise<MetadataPart[]> {
    return [];
  }

  async alikeInXattrs(): Promise<ReadonlySet<Task>> {
    return new Set();
  }

  async keepXattrs(): Promise<undefined> {}

  // Only the file system knows.
  async takeOver(): Promise<boolean> {
    return false;
  }

  async remove(): Promise<void> {}

  async removeLeftOver(): Promise<void> {}

  async sync(): Promise<void> {}

  async syncOthers(): Promise<void> {}

  onFull(): void {}

  async giveName(_task: Task, copied: CopiedFile): Promise<CopiedFile> {
    return copied;
  }

  async giveNames(files: readonly Unnamed[]): Promise<boolean[]> {
    return files.map(() => true);
  }

  async removeUnnamed(): Promise<void> {}

  async moveIn(): Promise<void> {}

  async discard(): Promise<void> {}

  temporaryBeside(place: Place): Place {
    return place;
  }

  async checkName(): Promise<void> {}
}
