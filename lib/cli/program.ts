import { type AddHelpTextContext, Command, CommanderError } from 'commander';
import { packageVersion } from '../engine/native.js';
import { addBench } from './commands/bench.js';
import { addClean } from './commands/clean.js';
import { addCopy } from './commands/copy.js';
import { addDemo } from './commands/demo.js';
import { addHash } from './commands/hash.js';
import { addInfo } from './commands/info.js';
import { addMirror } from './commands/mirror.js';
import { addVerify } from './commands/verify.js';
import { exitCode } from './exit-code.js';
import { UsageError } from './failure.js';
import { allowClosedOutput } from './interruption.js';
import { makeOutput } from './output.js';
import { commandArguments } from './path-arguments.js';
import { runTask, type Start } from './run.js';

const examplesText = `
Examples:
  overlapped copy disk.img /backup/disk.img --verify
  overlapped mirror photos /backup/photos --dry-run
  overlapped hash *.iso --hash sha512`;

const exitCodesText =
  'Exit code: 0 done, 1 failed, 2 wrong usage, 3 finished, but some files failed or differ, ' +
  '128 + n ended by signal n. Except with --no-atomic, no incomplete file has its final name. ' +
  'The environment variable OVERLAPPED_ENGINE (uring, iocp, threadpool) forces an engine; ' +
  'NO_COLOR turns off color. Sizes are in bytes; K, M, G and T are units of 1,024.';

const columnsDefault = 80;

/** Wraps text at the end of the help as commander wraps the rest. */
function lastOfHelp({ command, error }: AddHelpTextContext): string {
  const { getErrHelpWidth, getOutHelpWidth } = command.configureOutput();
  const columns = (error ? getErrHelpWidth : getOutHelpWidth)?.() ?? columnsDefault;
  return `\n${command.createHelp().boxWrap(exitCodesText, columns)}`;
}

function makeProgram(start: Start): Command {
  const program = new Command('overlapped')
    .description('Copies, compares, hashes and inspects files.')
    .version(packageVersion)
    .exitOverride()
    // Descriptions wrap beside the options in terminals of 60 columns.
    .configureHelp({ minWidthToWrap: 15 })
    // The caller that catches an error prints it.
    .configureOutput({ outputError: () => {} })
    .addHelpText('after', examplesText)
    .addHelpText('after', lastOfHelp);
  const copying = [addCopy, addMirror, addVerify, addClean];
  for (const add of [...copying, addHash, addInfo, addBench, addDemo]) {
    const command = add(program, start);
    command
      .option('--json', 'one JSON object per line: progress, errors, the result')
      .option('-q, --quiet', 'no progress')
      .addHelpText('after', lastOfHelp);
  }
  return program;
}

/** Runs the command line of the process. @returns its exit code */
export async function runCommandLine(): Promise<number> {
  const args = commandArguments();
  let code: number = exitCode.done;
  allowClosedOutput();
  const program = makeProgram(async (options, task) => {
    code = await runTask(options, task);
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return exitCode.done;
    // Without arguments, the program has shown its help.
    if (error.code !== 'commander.help') {
      const message = error.message
        .replace(/^error: /, '')
        .replace(/\.$/, '')
        .replaceAll('\n', ' ');
      makeOutput({ json: args.includes('--json') }).error(new UsageError(message));
    }
    return exitCode.usage;
  }
}
