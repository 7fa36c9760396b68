import { SingleBar } from 'cli-progress';
import { bytesText, counted, durationText, grouped, rateText } from './format.js';

/** The progress of a command. */
export interface ProgressReport {
  /** The current phase, such as 'copy'. */
  phase: string;
  bytes: number;
  /** Bytes in total; 0 if unknown. */
  total: number;
  bytesPerSecond: number;
  /** Infinity if unknown. */
  secondsLeft: number;
  files?: number;
  totalFiles?: number;
}

/** Displays reports, which may arrive at any rate. */
export interface ProgressView {
  show(report: ProgressReport): void;
  /** Called before anything else is printed, and at the end. */
  stop(): void;
}

export const noProgress: ProgressView = { show: () => {}, stop: () => {} };

function percentageOf({ bytes, total }: ProgressReport): number | undefined {
  return total > 0 ? Math.min(100, Math.floor((100 * bytes) / total)) : undefined;
}

function bytesOfTotal({ bytes, total }: ProgressReport, width = 0): string {
  const amount = bytesText(bytes).padStart(width);
  return total > 0 ? `${amount} of ${bytesText(total)}` : amount;
}

function filesOfTotal({ files, totalFiles }: ProgressReport): string {
  if (files === undefined) return '';
  const of = totalFiles === undefined ? '' : `${grouped(files)} of `;
  return `${of}${counted(totalFiles ?? files, 'file')}, `;
}

function isLast({ bytes, total, files, totalFiles }: ProgressReport): boolean {
  return total > 0 && bytes >= total && (totalFiles === undefined || files === totalFiles);
}

const phaseWidth = 'compare'.length;
const percentageWidth = '100 %'.length;
const amountWidth = '1023.9 KiB'.length;
const rateWidth = '1023.9 MiB/s'.length;
const barWidthMax = 25;
const barWidthMin = 8;

function barText(share: number, width: number): string {
  const done = Math.round(share * width);
  return '\u2588'.repeat(done) + '\u2591'.repeat(width - done);
}

/**
 * Formats a report as one line of at most `columns - 1` characters. On narrow terminals the bar
 * becomes shorter, then the count of files disappears, then the bar, then the amount. Percentage,
 * rate and time stay.
 */
export function barLine(report: ProgressReport, columns: number): string {
  const { phase, bytes, total, bytesPerSecond, secondsLeft } = report;
  const share = total > 0 ? Math.min(1, bytes / total) : 0;
  const percentage = `${percentageOf(report) ?? '-'} %`.padStart(percentageWidth);
  const times = [
    rateText(bytesPerSecond).padStart(rateWidth),
    `${durationText(secondsLeft).padStart(5)} left`,
  ];
  const lineOf = (amount: string[], barWidth: number): string => {
    const bar = barWidth > 0 ? [barText(share, barWidth)] : [];
    const first = [phase.padEnd(phaseWidth), ...bar, percentage].join(' ');
    return [first, ...amount, ...times].join('  ');
  };
  const amount = bytesOfTotal(report, amountWidth);
  for (const shown of [filesOfTotal(report) + amount, amount]) {
    const spare = columns - 1 - lineOf([shown], barWidthMin).length;
    if (spare >= 0) return lineOf([shown], Math.min(barWidthMax, barWidthMin + spare));
  }
  const line = lineOf([amount], 0);
  return line.length < columns ? line : lineOf([], 0).slice(0, Math.max(0, columns - 1));
}

const columnsDefault = 80;

/** Shows a bar for each phase in a terminal, as wide as the terminal allows. */
export class ProgressBars implements ProgressView {
  readonly #stream: NodeJS.WriteStream;
  #bar: SingleBar | undefined;
  #phase: string | undefined;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  show(report: ProgressReport): void {
    if (report.phase !== this.#phase) this.stop();
    this.#phase = report.phase;
    this.#bar ??= this.#start(report);
    this.#bar.update(report.bytes, { report });
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
    this.#phase = undefined;
  }

  #start(report: ProgressReport): SingleBar {
    const stream = this.#stream;
    const bar = new SingleBar({
      format: (_options, _params, payload: { report: ProgressReport }) =>
        barLine(payload.report, stream.columns || columnsDefault),
      stream,
      hideCursor: true,
      // Results are printed where the bar was.
      clearOnComplete: true,
      gracefulExit: false,
    });
    bar.start(Math.max(1, report.total), 0, { report });
    return bar;
  }
}

const lineMsMin = 1000;
const unknownTotalMsMin = 10_000;

/** Prints a line per tenth, at most one per second, for logs. */
export class ProgressLines implements ProgressView {
  readonly #print: (line: string) => void;
  #phase: string | undefined;
  #shownAt = 0;
  #tenth = 0;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  show(report: ProgressReport): void {
    const now = performance.now();
    if (report.phase !== this.#phase) {
      this.#phase = report.phase;
      this.#shownAt = now;
      this.#tenth = 0;
    }
    const percentage = percentageOf(report);
    const tenth = Math.floor((percentage ?? 0) / 10);
    const msMin = percentage === undefined ? unknownTotalMsMin : lineMsMin;
    if (now - this.#shownAt < msMin || (percentage !== undefined && tenth === this.#tenth)) return;
    this.#shownAt = now;
    this.#tenth = tenth;
    const share = percentage === undefined ? '' : `${percentage} %, `;
    const rate = rateText(report.bytesPerSecond);
    const left = durationText(report.secondsLeft);
    const amount = filesOfTotal(report) + bytesOfTotal(report);
    this.#print(`${report.phase}: ${share}${amount}, ${rate}, ${left} left`);
  }

  stop(): void {}
}

const objectMsMin = 500;

/** Prints an object per half second and phase, and one at the end of each, for programs. */
export class ProgressObjects implements ProgressView {
  readonly #print: (value: object) => void;
  #phase: string | undefined;
  #shownAt = Number.NEGATIVE_INFINITY;

  constructor(print: (value: object) => void) {
    this.#print = print;
  }

  show(report: ProgressReport): void {
    const now = performance.now();
    const isDue = report.phase !== this.#phase || now - this.#shownAt >= objectMsMin;
    if (!isDue && !isLast(report)) return;
    this.#phase = report.phase;
    this.#shownAt = now;
    const { secondsLeft } = report;
    const known = Number.isFinite(secondsLeft) ? secondsLeft : null;
    this.#print({ type: 'progress', ...report, secondsLeft: known });
  }

  stop(): void {}
}
