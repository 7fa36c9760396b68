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
// Options that are true by default have a negative form.
const turnedOff = /options\.(\w+) is false/g;

/** Replaces the library's names of options by those of the command. */
export function inWordsOfCommand(text: string): string {
  return text
    .replace(turnedOff, (_, name: string) => `--no-${kebabCase(name)} is given`)
    .replace(optionName, (_, __, name: string, part?: string) =>
      part === undefined ? dashed(name) : `${dashed(name)} ${part}`,
    );
}

/** Does the same outside of quoted paths, since a file may be called `options.json`. */
function withoutPaths(text: string, [path, ...others]: readonly (string | undefined)[]): string {
  if (path === undefined || path === '') {
    return others.length > 0 ? withoutPaths(text, others) : inWordsOfCommand(text);
  }
  const quoted = `'${path}'`;
  const parts = text.split(quoted).map((part) => withoutPaths(part, others));
  return parts.join(quoted);
}

/** Returns what the library has added in parentheses behind the paths. */
function hintOf({ message, path, dest }: SystemError): string {
  const last = dest ?? path;
  const end = last === undefined ? -1 : message.lastIndexOf(`'${last}'`);
  const behind = end < 0 || last === undefined ? '' : message.slice(end + last.length + 2);
  return /^ \((.*)\)$/s.exec(behind)?.[1] ?? '';
}

/** Formats an error as `path: no such file or directory (ENOENT)`, or as its message. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isSystemError(error)) {
    const { code, syscall, path, dest } = error;
    const [text] = error.message.replace(`${code}: `, '').split(`, ${syscall}`) as [string];
    const place = [path, dest].filter((name) => name !== undefined).join(' -> ');
    const words = [text, hintOf(error)].filter((part) => part !== '').map(inWordsOfCommand);
    return `${place === '' ? syscall : place}: ${words.join(': ')} (${code})`;
  }
  const { path, dest } = error as Partial<SystemError>;
  return withoutPaths(error.message, [path, dest]);
}
