import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';

// A timer of this period samples the delay of the event loop; the period is not a delay itself.
const delayResolutionMs = 1;
const settleMs = 10;

/**
 * Runs something for a while and measures it.
 * @param {(deadline: number) => number | Promise<number>} run works until performance.now() is past
 *   the deadline; gives the number of operations
 * @param {number} durationMs
 * @returns {Promise<{ perSecond: number, cpuUs: number, delayMs: number | null }>} operations per
 *   second, CPU time of all threads per operation in microseconds, and the 99th percentile of the
 *   event loop's delay in milliseconds; null where the loop did not turn
 */
export async function measure(run, durationMs) {
  await wait(settleMs);
  const delay = monitorEventLoopDelay({ resolution: delayResolutionMs });
  delay.enable();
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  const operations = await run(started + durationMs);
  const elapsedMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpuBefore);
  delay.disable();
  const delayMs =
    delay.count === 0 ? null : Math.max(0, delay.percentile(99) / 1e6 - delayResolutionMs);
  return {
    perSecond: operations / (elapsedMs / 1000),
    cpuUs: (user + system) / operations,
    delayMs,
  };
}

/**
 * Measures a fixed amount of work.
 * @param {() => Promise<number>} work gives the number of operations
 * @param {number} [leastMs] work is repeated until so much time has passed
 * @returns {Promise<{ perSecond: number, cpuUs: number }>} as measure()
 */
export async function measureOnce(work, leastMs = 0) {
  await wait(settleMs);
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  let operations = 0;
  do operations += await work();
  while (performance.now() - started < leastMs);
  const elapsedMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { perSecond: operations / (elapsedMs / 1000), cpuUs: (user + system) / operations };
}

/**
 * Measures peers against one another: each of them once in every round, beginning with another one
 * each time, so that other load on the machine affects all of them.
 * @param {{ name: string, run: (deadline: number) => number | Promise<number> }[]} peers
 * @param {{ rounds: number, durationMs: number }} settings
 * @returns {Promise<{ name: string, samples: object[] }[]>} a sample per round, in the order of
 *   `peers`
 */
export async function measureInRounds(peers, { rounds, durationMs }) {
  const results = peers.map(({ name }) => ({ name, samples: [] }));
  for (const { run } of peers) await measure(run, durationMs / 4);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < peers.length; turn++) {
      const index = (round + turn) % peers.length;
      results[index].samples.push(await measure(peers[index].run, durationMs));
    }
  }
  return results;
}

/** @param {number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median of a field of the samples; null when it was never measured. */
export function medianOf(samples, field) {
  const values = samples.map((sample) => sample[field]).filter((value) => value !== null);
  return values.length === 0 ? null : median(values);
}

/** Median of the ratios of two peers in the same round, which drift together. */
export function ratioOf(samples, otherSamples, field = 'perSecond') {
  return median(samples.map((sample, round) => sample[field] / otherSamples[round][field]));
}
