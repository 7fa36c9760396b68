#!/usr/bin/env node
import { constants } from 'node:os';
import { engine } from '../engine/engine.js';
import { type CopyPlan, planCopy } from './copy-plan.js';
import { codeOf, Failure } from './failure.js';
import { copyWithNode, type NodeCopy } from './node-copy.js';
import { helpText, type Options, parseOptions } from './options.js';
import { printPlan, printResult } from './report.js';
import { makeSample } from './sample.js';
import { copyVerified } from './verified-copy.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What the run was ended by: a signal, or a reader of the output that has gone. */
class Interruption {
  constructor(
    readonly exitCode: number,
    readonly message: string,
  ) {}
}

// A signal may come twice at once, from the terminal and from a parent that passes it on. Whoever
// presses Ctrl-C again after this does not want to wait for the end of what is in flight.
const impatientAfterMs = 1000;

function abortOnSignals(controller: AbortController): void {
  let interruptedAt: number | undefined;
  for (const signal of signals) {
    process.on(signal, () => {
      const exitCode = 128 + constants.signals[signal];
      interruptedAt ??= performance.now();
      if (performance.now() - interruptedAt > impatientAfterMs) process.exit(exitCode);
      controller.abort(new Interruption(exitCode, `interrupted by ${signal}`));
    });
  }
  process.stdout.on('error', (error) => {
    controller.abort(new Interruption(1, `cannot print: ${error.message}`));
  });
}

async function copyAndReport(plan: CopyPlan, options: Options, signal: AbortSignal): Promise<void> {
  const { unbuffered, depth, chunkSize } = options;
  const settings = { unbuffered, depth, chunkSize, signal };
  printPlan(plan, settings);
  const copy = await copyVerified(plan, settings);
  let node: NodeCopy | undefined;
  let refusal: unknown;
  if (options.compare) {
    try {
      node = await copyWithNode(plan, copy.sha256, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      refusal = error;
    }
  }
  printResult(plan, settings, copy, node);
  // The copy is there and verified; that there is no comparison is no reason to fail.
  if (refusal !== undefined) console.log(`node:fs streams  ${describe(refusal, plan)}`);
}

function describe(error: unknown, plan: CopyPlan | undefined): string {
  if (codeOf(error) === 'ENOSPC' && plan !== undefined) {
    return `no space left for ${plan.size} bytes on the device of '${plan.destination}' (ENOSPC)`;
  }
  return error instanceof Error ? error.message : String(error);
}

async function run(options: Options, signal: AbortSignal): Promise<void> {
  const { paths, unbuffered } = options;
  const sample =
    paths === undefined ? await makeSample(options.sampleSize, { unbuffered, signal }) : undefined;
  const { source, destination } = paths ?? (sample as NonNullable<typeof sample>);
  let plan: CopyPlan | undefined;
  try {
    plan = await planCopy(source, destination);
    await copyAndReport(plan, options, signal);
  } catch (error) {
    if (error instanceof Failure || signal.aborted || codeOf(error) === undefined) throw error;
    throw new Failure(describe(error, plan), { cause: error });
  } finally {
    await sample?.remove();
  }
}

async function main(): Promise<number> {
  const controller = new AbortController();
  const { signal } = controller;
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options.help) {
      console.log(helpText);
      return 0;
    }
    abortOnSignals(controller);
    // Starts the engine: that there is none has nothing to do with any file.
    void engine.kind;
    await run(options, signal);
    return 0;
  } catch (error) {
    if (signal.aborted) {
      const { message, exitCode } = signal.reason as Interruption;
      console.error(`overlapped: ${message}; what was not finished is removed`);
      return exitCode;
    }
    if (error instanceof Failure || codeOf(error) !== undefined) {
      console.error(`overlapped: ${(error as Error).message}`);
      return error instanceof Failure ? error.exitCode : 1;
    }
    // A mistake of this program, for whoever will look for it.
    console.error(error);
    return 1;
  }
}

process.exitCode = await main();
