// Checks that the addon compiles as Microsoft's compiler sees it, on another system.
//
//   node scripts/msvc-check.mjs [architecture…]      x86_64 and aarch64 unless named
//
// clang takes the targets *-pc-windows-msvc: Microsoft's ABI (layout of structures and bit-fields,
// calling conventions, underlying types of enumerations) and its reading of templates and keywords.
// The headers are those of MinGW and GCC, since Microsoft's own cannot be distributed: differences
// between the two sets of headers, and warnings that only cl.exe has, are not found.
import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { availableParallelism } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiler = 'clang++-19';
const mingw = 'x86_64-w64-mingw32-g++-posix';
const packages = 'clang-19 g++-mingw-w64-x86-64-posix';

class Failure extends Error {}

// The headers of GCC and MinGW know clang only with its GNU targets, which define these.
const asMingw = [
  '-fgnuc-version=12.2.0',
  '-D__MINGW32__',
  '-D__MINGW64__',
  '-D__STRICT_ANSI__',
  '-D__declspec=__declspec',
];
const warnings = ['-Werror', '-Wall', '-Wextra', '-Wpedantic', '-Wshadow'];
const definitions = [
  ...['-DNAPI_VERSION=8', '-DNODE_ADDON_API_CPP_EXCEPTIONS'],
  ...['-DOVERLAPPED_VERSION=""', '-DNOMINMAX'],
];

/** The folders with headers that MinGW's compiler searches, except for those of intrinsics. */
function headerFolders() {
  const { stderr, error } = spawnSync(mingw, ['-E', '-v', '-x', 'c++', '/dev/null'], {
    encoding: 'utf8',
  });
  if (error) throw new Failure(`${mingw} is missing: apt-get install -y ${packages}`);
  const listed = /search starts here:\n((?: .*\n)+)End of search/.exec(stderr);
  return listed[1]
    .trim()
    .split('\n')
    .map((line) => path.normalize(line.trim()))
    .filter((folder) => folder.includes('c++') || fs.existsSync(path.join(folder, 'windows.h')));
}

function sources() {
  return fs
    .readdirSync(path.join(root, 'addon'), { recursive: true })
    .filter((name) => name.endsWith('.cc') && !/posix|linux|uring|fuse/.test(name))
    .map((name) => path.join('addon', name))
    .concat(path.join('bench', 'native', 'completion_ways.cc'));
}

function check(file, flags) {
  return new Promise((resolve, reject) => {
    const child = spawn(compiler, [...flags, file], { cwd: root, stdio: 'inherit' });
    child.on('error', () =>
      reject(new Failure(`${compiler} is missing: apt-get install -y ${packages}`)),
    );
    child.on('exit', (code) => resolve(code === 0));
  });
}

/** Returns the files that do not compile. */
async function checkAll(architecture, folders) {
  const modules = path.join(root, 'node_modules');
  const system = [
    ...folders,
    path.join(modules, 'node-api-headers', 'include'),
    path.join(modules, 'node-addon-api'),
  ];
  const flags = [
    `--target=${architecture}-pc-windows-msvc`,
    ...['-fsyntax-only', '-std=c++20', '-fexceptions', '-fcxx-exceptions', '-nostdlibinc'],
    ...system.flatMap((folder) => ['-isystem', folder]),
    ...['-Iaddon/engine', ...asMingw, ...warnings, ...definitions],
  ];
  const left = sources();
  const failed = [];
  const count = left.length;
  const run = async () => {
    for (let file = left.shift(); file; file = left.shift()) {
      if (!(await check(file, flags))) failed.push(file);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, run));
  console.log(`${architecture}: ${count - failed.length} of ${count} files`);
  for (const file of failed) console.log(`${architecture}: ${file} does not compile`);
  return { count, failed: failed.length };
}

async function main(architectures) {
  let [count, failed] = [0, 0];
  const folders = headerFolders();
  for (const architecture of architectures.length > 0 ? architectures : ['x86_64', 'aarch64']) {
    const result = await checkAll(architecture, folders);
    count += result.count;
    failed += result.failed;
  }
  console.log(`${count - failed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
