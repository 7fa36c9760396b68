import * as fs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { mainModule } from '../cli/command.js';
import { hasSerialPair, serialPair } from '../devices/serial-pair.js';
import { isWindows, packageFolder, runChild, temporaryFolder, testWhere } from '../helpers.js';
import { makeCommandFiles, pages, type Sample, samplesIn } from './programs.js';

// Runs every program of README.md and docs/ unchanged, in an empty folder within the package, where
// 'overlapped' resolves to the package itself. Every `npx overlapped` among the commands runs next
// to the files of makeCommandFiles().

const parent = path.join(packageFolder, 'build');
fs.mkdirSync(parent, { recursive: true });

async function runProgram({ text }: Sample, ...args: string[]): Promise<void> {
  const folder = temporaryFolder(parent);
  const { code, stderr } = await runChild(text, { name: 'sample.js', folder, args });
  expect(stderr).toBe('');
  expect(code).toBe(0);
}

/** Splits a command line with single quotes into words. */
function wordsOf(line: string): string[] {
  return (line.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ''));
}

async function runCommands({ text }: Sample): Promise<void> {
  const folder = temporaryFolder(parent);
  makeCommandFiles(folder);
  for (const line of text.trimEnd().split('\n')) {
    const [npx, name, ...args] = wordsOf(line);
    expect([npx, name], line).toEqual(['npx', 'overlapped']);
    const script = `await import(${JSON.stringify(pathToFileURL(mainModule).href)});`;
    const { code, stderr } = await runChild(script, { name: 'command.js', folder, args });
    expect({ line, code, stderr }).toMatchObject({ code: 0 });
  }
}

async function runWithSerialPort(sample: Sample): Promise<void> {
  const pair = await serialPair();
  try {
    await runProgram(sample, pair.one);
  } finally {
    pair.end();
  }
}

for (const sample of pages().flatMap(samplesIn)) {
  if (sample.needs === 'serial port') {
    const runs = testWhere(hasSerialPair, 'there is no pair of serial ports', { mustRun: true });
    runs(`${sample.name} runs`, () => runWithSerialPort(sample));
  } else if (sample.needs === 'Windows') {
    const runs = testWhere(isWindows, 'it is for Windows');
    runs(`${sample.name} runs`, () => runProgram(sample));
  } else {
    const run = sample.language === 'js' ? runProgram : runCommands;
    test(`${sample.name} runs`, () => run(sample));
  }
}

test('the pages have programs, and each test directive is known', () => {
  const samples = pages().flatMap(samplesIn);
  expect(samples.length).toBeGreaterThan(10);
  const needs = samples.flatMap((sample) => sample.needs ?? []);
  expect(needs.filter((name) => !['serial port', 'Windows'].includes(name))).toEqual([]);
});

test('links between pages lead to files that exist', () => {
  const names = [...pages(), 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'];
  const broken: string[] = [];
  for (const page of names.filter((name) => fs.existsSync(path.join(packageFolder, name)))) {
    const text = fs.readFileSync(path.join(packageFolder, page), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)) {
      const file = path.join(packageFolder, path.dirname(page), target);
      if (!fs.existsSync(file)) broken.push(`${page}: ${target}`);
    }
  }
  expect(broken).toEqual([]);
});

test('files that ARCHITECTURE.md names exist', () => {
  const folders = ['lib', 'addon', 'compat-tests', 'scripts', 'bench'];
  const files = folders.flatMap((folder) =>
    fs
      .readdirSync(path.join(packageFolder, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
      .filter((name) => !name.includes('node_modules')),
  );
  const text = fs.readFileSync(path.join(packageFolder, 'ARCHITECTURE.md'), 'utf8');
  const names = [...text.matchAll(/`([\w./*-]+\.(?:ts|cc|h|mjs))`/g)]
    .map(([, name = '']) => name)
    // A kernel header, and a file name extension.
    .filter((name) => !/^(linux\/|\.)/.test(name));
  expect(names.length).toBeGreaterThan(30);
  const missing = names.filter((name) => {
    const pattern = new RegExp(`(^|/)${name.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`);
    return !files.some((file) => pattern.test(file));
  });
  expect(missing).toEqual([]);
});
