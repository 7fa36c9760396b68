import { tmpdir } from 'node:os';
import type { Command } from 'commander';
import { engine } from '../../engine/facts.js';
import { exitCode } from '../exit-code.js';
import { grouped, rateText } from '../format.js';
import { type Measurement, measureFolder } from '../measure.js';
import type { OutputOptions } from '../output.js';
import type { Context, Start } from '../run.js';
import { parseCount, parsePathArgument, parseSize } from '../values.js';

interface Flags extends OutputOptions {
  size: number;
  files: number;
}

const sizeDefault = 256 * 1024 * 1024;
const filesDefault = 2000;
const filesMax = 1_000_000;

export function addBench(program: Command, start: Start): Command {
  return program
    .command('bench')
    .summary('compare with node:fs on this disk')
    .description(
      'Compares this package with node:fs on the disk of a folder: reading and writing a large ' +
        'file, and many small ones. Takes 20 s at most, and removes what it made.',
    )
    .argument('[folder]', "default: the system's folder for temporary files", parsePathArgument)
    .option(
      '--size <size>',
      'bytes of the large file (less on a slow disk)',
      parseSize,
      sizeDefault,
    )
    .option('--files <n>', 'small files, of 4 KiB each', parseCount(filesMax), filesDefault)
    .action((folder: string | undefined, flags: Flags) =>
      start(flags, (context) => bench(folder ?? tmpdir(), flags, context)),
    );
}

async function bench(folder: string, sizes: Flags, context: Context): Promise<number> {
  const { output, signal } = context;
  output.line(`${engine.kind}, Node ${process.version}, in ${folder}`);
  output.line(columns('', ['overlapped', 'node:fs', 'ratio']));
  const measurements = await measureFolder(folder, sizes, signal, (measurement) =>
    output.line(lineOf(measurement)),
  );
  const { size, files } = sizes;
  const value = { command: 'bench', folder, engine: engine.kind, size, files, measurements };
  output.result(value, []);
  return exitCode.done;
}

function columns(name: string, values: readonly string[]): string {
  return name.padEnd(22) + values.map((value) => value.padStart(12)).join('');
}

function lineOf({ task, unit, overlapped, node, ratio }: Measurement): string {
  const rateOf = unit === 'bytes/s' ? rateText : (rate: number) => `${grouped(Math.round(rate))}/s`;
  const shown = (rate: number | null): string => (rate === null ? '-' : rateOf(rate));
  const times = ratio === null ? '-' : `${ratio.toFixed(2)}x`;
  return columns(task, [shown(overlapped), shown(node), times]);
}
