/**
 * Runs `count` tasks with at most `depth` of them under way. The first failure wins; it is given
 * only when every task that has begun has ended, so that nothing is in flight afterwards.
 */
export async function runWindow(
  count: number,
  depth: number,
  task: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  let failure: unknown;
  const lane = async (): Promise<void> => {
    while (next < count && !failed) {
      const index = next++;
      try {
        await task(index);
      } catch (error) {
        if (!failed) failure = error;
        failed = true;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(depth, count) }, lane));
  if (failed) throw failure;
}
