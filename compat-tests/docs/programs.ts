import * as fs from 'node:fs';
import * as path from 'node:path';
import { packageFolder } from '../helpers.js';

/** A program or a list of commands on a page. */
export interface Sample {
  /** The page, with slashes, and the number of the line before the sample. */
  name: string;
  language: 'js' | 'sh';
  text: string;
  /** The word in the comment `<!-- test: … -->` before the sample. */
  needs: string | undefined;
}

/** README.md and the pages in docs/, as paths relative to the package, with slashes. */
export function pages(): string[] {
  const docs = fs.readdirSync(path.join(packageFolder, 'docs'), {
    recursive: true,
    encoding: 'utf8',
  });
  const names = docs.filter((name) => name.endsWith('.md'));
  return ['README.md', ...names.map((name) => `docs/${name.replaceAll('\\', '/')}`)];
}

/** The programs (```js) and commands (```sh) of a page. */
export function samplesIn(page: string): Sample[] {
  const lines = fs.readFileSync(path.join(packageFolder, page), 'utf8').split(/\r?\n/);
  const samples: Sample[] = [];
  let open: Sample | undefined;
  lines.forEach((line, index) => {
    const fence = /^```(\w*)$/.exec(line);
    if (fence === null) {
      if (open) open.text += `${line}\n`;
    } else if (open) {
      if (open.language === 'js' || open.language === 'sh') samples.push(open);
      open = undefined;
    } else {
      const needs = /^<!-- test: (.+) -->$/.exec(lines[index - 1] ?? '')?.[1];
      const language = fence[1] as Sample['language'];
      open = { name: `${page}:${index + 1}`, language, text: '', needs };
    }
  });
  return samples;
}

/** Creates the files that the commands of the pages use. */
export function makeCommandFiles(folder: string): void {
  fs.writeFileSync(path.join(folder, 'disk.img'), Buffer.alloc(1024 * 1024, 'overlapped'));
  fs.mkdirSync(path.join(folder, 'photos'));
  fs.writeFileSync(path.join(folder, 'photos', 'sea.jpg'), 'picture');
  fs.writeFileSync(path.join(folder, 'photos', 'sea.tmp'), 'not copied');
}
