/** The buffers of one system call. */
export interface VectorGroup {
  views: readonly ArrayBufferView[];
  /** Total bytes of the buffers. */
  length: number;
}

/** The limits of one system call, in buffers and bytes. */
export interface VectorLimits {
  countMax: number;
  bytesMax: number;
}

/** Groups buffers into system calls; splits a buffer that is too long. */
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
