// Errors in the words of the command: paths and options, not functions and their properties.

interface SystemError extends Error {
  code: string;
  syscall: string;
  path?: string;
  dest?: string;
}

function isSystemError(error: Error): error is SystemError {
  const { code, syscall } = error as Partial<SystemError>;
  return typeof code === 'string' && typeof syscall === 'string';
}

function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function dashed(name: string): string {
  return `--${kebabCase(name)}`;
}

// The library's names of options, as in "The property 'options.rateLimit' is invalid".
const optionName = /(?:The (?:property|argument) )?(['"]?)options\.(\w+)(?:\.(\w+))?\1/g;

/** Formats an error as `path: no such file or directory (ENOENT)`, or as its message. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isSystemError(error)) {
    const { code, syscall, path, dest } = error;
    const [text] = error.message.replace(`${code}: `, '').split(`, ${syscall}`) as [string];
    const place = [path, dest].filter((name) => name !== undefined).join(' -> ');
    return `${place === '' ? syscall : place}: ${text} (${code})`;
  }
  return error.message.replace(optionName, (_, __, name: string, part?: string) =>
    part === undefined ? dashed(name) : `${dashed(name)} ${part}`,
  );
}
