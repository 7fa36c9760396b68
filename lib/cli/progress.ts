import { type Bar, Presets, SingleBar } from 'cli-progress';

const mebibyte = 1024 * 1024;

/** Shows how far one phase is: a bar in a terminal, a line per quarter elsewhere. */
export interface Progress {
  update(bytesDone: number): void;
  stop(): void;
}

/**
 * @param phase what is done, as 'copy'
 * @param size bytes that there are to do
 */
export function startProgress(phase: string, size: number): Progress {
  return process.stdout.isTTY ? startBar(phase, size) : startLines(phase, size);
}

function startBar(phase: string, size: number): Progress {
  const started = performance.now();
  const bar: Bar = new SingleBar(
    {
      format: '{phase} {bar} {percentage} % | {done} of {total_mib} MiB | {rate} MB/s',
      stream: process.stdout,
      barsize: 30,
      hideCursor: true,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  const show = (bytesDone: number) => ({
    phase: phase.padEnd(14),
    done: (bytesDone / mebibyte).toFixed(0),
    total_mib: (size / mebibyte).toFixed(0),
    rate: (bytesDone / 1000 / Math.max(1, performance.now() - started)).toFixed(0),
  });
  // An empty file is done before it begins; a total of 0 would be shown as NaN %.
  const total = Math.max(1, size);
  bar.start(total, 0, show(0));
  return {
    update: (bytesDone) => bar.update(size === 0 ? total : bytesDone, show(bytesDone)),
    stop: () => {
      if (size === 0) bar.update(total, show(0));
      bar.stop();
    },
  };
}

function startLines(phase: string, size: number): Progress {
  const quarter = Math.ceil(size / 4);
  let next = quarter;
  return {
    update: (bytesDone) => {
      if (size === 0 || bytesDone < next) return;
      const percentage = Math.floor((100 * bytesDone) / size);
      const total = (size / mebibyte).toFixed(0);
      console.log(`${phase}: ${percentage} % of ${total} MiB`);
      next = bytesDone === size ? Number.POSITIVE_INFINITY : next + quarter;
      while (next <= bytesDone) next += quarter;
      next = Math.min(next, size);
    },
    stop: () => {},
  };
}

/** Runs a phase with its progress shown; whatever happens, the terminal is left in order. */
export async function withProgress<T>(
  phase: string,
  size: number,
  run: (onProgress: (bytesDone: number) => void) => Promise<T>,
): Promise<T> {
  const progress = startProgress(phase, size);
  try {
    return await run((bytesDone) => progress.update(bytesDone));
  } finally {
    progress.stop();
  }
}
