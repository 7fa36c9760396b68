/** Buffers that one system call takes. */
export interface VectorGroup {
  views: readonly ArrayBufferView[];
  /** Bytes of them all. */
  length: number;
}

/** What one system call takes: so many buffers, and so many bytes. */
export interface VectorLimits {
  countMax: number;
  bytesMax: number;
}

/** Buffers in groups that each go in one call; one that is too long is split. */
export function vectorGroups(
  views: readonly ArrayBufferView[],
  { countMax, bytesMax }: VectorLimits,
): VectorGroup[] {
  const groups: VectorGroup[] = [];
  let group: ArrayBufferView[] = [];
  let length = 0;
  const finish = (): void => {
    groups.push({ views: group, length });
    group = [];
    length = 0;
  };
  for (const view of views) {
    for (let start = 0; start < view.byteLength; ) {
      const size = Math.min(view.byteLength - start, bytesMax - length);
      const isWhole = size === view.byteLength;
      group.push(isWhole ? view : new Uint8Array(view.buffer, view.byteOffset + start, size));
      start += size;
      length += size;
      if (group.length === countMax || length === bytesMax) finish();
    }
  }
  if (group.length > 0) finish();
  return groups;
}
