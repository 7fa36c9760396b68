import { Presets, SingleBar } from 'cli-progress';
import { bytesText, counted, durationText, rateText } from './format.js';

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

function amountText({ bytes, total, files, totalFiles }: ProgressReport): string {
  const amount = total > 0 ? `${bytesText(bytes)} of ${bytesText(total)}` : bytesText(bytes);
  if (files === undefined) return amount;
  const of = totalFiles === undefined ? '' : `${files} of `;
  return `${of}${counted(totalFiles ?? files, 'file')}, ${amount}`;
}

function isLast({ bytes, total, files, totalFiles }: ProgressReport): boolean {
  return total > 0 && bytes >= total && (totalFiles === undefined || files === totalFiles);
}

/** Shows a bar for each phase in a terminal. */
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
    // A total of 0 would show NaN %.
    const total = Math.max(1, report.total);
    const shown = {
      phase: report.phase.padEnd(7),
      amount: amountText(report),
      rate: rateText(report.bytesPerSecond),
      left: durationText(report.secondsLeft),
    };
    this.#bar ??= this.#start(total, shown);
    this.#bar.setTotal(total);
    this.#bar.update(Math.min(report.bytes, total), shown);
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
    this.#phase = undefined;
  }

  #start(total: number, shown: object): SingleBar {
    const bar = new SingleBar(
      {
        format: '{phase} {bar} {percentage} % | {amount} | {rate} | {left} left',
        stream: this.#stream,
        barsize: 25,
        hideCursor: true,
        gracefulExit: false,
      },
      Presets.shades_classic,
    );
    bar.start(total, 0, shown);
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
    this.#print(`${report.phase}: ${share}${amountText(report)}, ${rate}, ${left} left`);
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
