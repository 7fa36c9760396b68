/** The exit codes of the command, as docs/api/command-line.md lists them. A signal adds 128. */
export const exitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  /** Finished, but some files failed or differ. */
  incomplete: 3,
  /** The reader of the output has left, as for programs that SIGPIPE ends. */
  outputClosed: 141,
} as const;
