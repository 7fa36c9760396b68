/** The exit codes of the command, as docs/api/command-line.md lists them. A signal adds 128. */
export const exitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  /** Done, but for single files; or the things compared are not the same. */
  incomplete: 3,
} as const;
