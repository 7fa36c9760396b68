// Makes the packages, installs them from a registry of their own into empty folders, as users do,
// and uses them from there.
//
//   node scripts/package-test.mjs [path of another Node to run it with too]…
//
// It needs the tools of `npm run prebuild`, Wine for the Windows part and qemu-user for Linux on
// arm64. Except in CI, a part is left out without its program. Node for other systems, Bun, Deno,
// the bundlers and the installers come from npm's registry. A table of all results comes last, and
// then `N passed, N failed`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import {
  bundlers,
  checkBundler,
  checkJest,
  checkSingleExecutable,
  checkVitest,
} from './package-checks/bundles.mjs';
import {
  checkAddonPackages,
  checkContents,
  checkOldTypes,
  checkSize,
  checkTypes,
  checkTypesAndExports,
} from './package-checks/contents.mjs';
import {
  checkOtherPlaces,
  checkPnpm,
  checkWithoutAddon,
  checkYarn,
} from './package-checks/installations.mjs';
import {
  checkArm,
  checkBun,
  checkCommand,
  checkDeno,
  checkNode,
  checkWindows,
  versionOf,
} from './package-checks/programs.mjs';
import {
  has,
  installFor,
  installTools,
  packages,
  platform,
  projects,
  root,
  run,
  useRegistry,
  version,
} from './package-checks/support.mjs';
import { platforms } from './platforms.mjs';

const nodes = [process.execPath, ...process.argv.slice(2).map((node) => path.resolve(node))];
const windowsVersions = ['20.20.2', '22.23.3'];
const isInCi = Boolean(process.env.CI);
const hasArm = has('qemu-aarch64') || isInCi;
const hasWine = has('wine') || isInCi;

const results = [];

async function check(name, run) {
  const start = performance.now();
  let error;
  try {
    await run();
  } catch (caught) {
    error = caught;
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  results.push({ name, result: error ? 'FAILED' : 'passed', seconds });
  console.log(error ? `FAILED: ${name}\n${error.stack}` : `passed: ${name} (${seconds} s)`);
  return error === undefined;
}

async function makePackages() {
  const wanted = [platform, 'win32-x64'];
  if (hasArm) wanted.push('linux-arm64-glibc');
  await run(process.execPath, ['scripts/prebuild.mjs', ...wanted], { cwd: root });
  await run(process.execPath, ['scripts/packages.mjs', '--some'], { cwd: root });
}

/** Describes the addons that are not built for the registry: Yarn asks for all platforms. */
function describeOthers() {
  const others = path.join(projects, 'others');
  fs.mkdirSync(others);
  for (const [name, { os, cpu, libc }] of Object.entries(platforms)) {
    if (fs.existsSync(path.join(packages, name))) continue;
    const manifest = { name: `@overlapped/${name}`, version, os: [os], cpu: [cpu] };
    const folder = path.join(others, name);
    fs.mkdirSync(folder);
    const text = JSON.stringify({ ...manifest, ...(libc && { libc: [libc] }) });
    fs.writeFileSync(path.join(folder, 'package.json'), text);
  }
  return others;
}

async function startRegistry() {
  const script = path.join(root, 'scripts', 'registry.mjs');
  const folders = [packages, describeOthers()];
  const stdio = ['pipe', 'pipe', 'inherit'];
  const child = spawn(process.execPath, [script, ...folders], { stdio });
  const [address] = await once(child.stdout, 'data');
  useRegistry(String(address).trim());
  return child;
}

async function checkPackages() {
  await check('the package has what it needs, and no more', checkContents);
  await check('each package of an addon has the addon, for its platform', checkAddonPackages);
  await check('an installation is few packages and small', checkSize);
  await check('the command is there', checkCommand);
  await check('types resolve under node16, nodenext and bundler', checkTypes);
  await check('types resolve under node10', checkOldTypes);
  await check('publint and arethetypeswrong find nothing', checkTypesAndExports);
}

async function checkPrograms() {
  for (const node of nodes) {
    const nodeVersion = await versionOf(node);
    for (const program of ['module.mjs', 'commonjs.cjs', 'runtime.mjs']) {
      await check(`${program} runs on Node ${nodeVersion} without any tool`, () =>
        checkNode(node, program),
      );
    }
  }
  await check('it runs in Bun', checkBun);
  await check('it runs in Deno', checkDeno);
}

async function checkBundles() {
  for (const name of bundlers) await check(`a bundle by ${name} runs`, () => checkBundler(name));
  await check('a single executable runs with the addon beside it', checkSingleExecutable);
  await check('it runs in Jest', checkJest);
  await check('it runs in vitest', checkVitest);
}

async function checkInstallations() {
  await check('without a binary the error says how to build one, which works', checkWithoutAddon);
  await check('an addon in another node_modules is found', checkOtherPlaces);
  await check('it runs where pnpm has installed it', checkPnpm);
  await check('it runs where Yarn has installed it, without node_modules', checkYarn);
}

async function checkOtherSystems() {
  if (hasArm) await check('it runs on Linux for arm64 under qemu', checkArm);
  else console.log('left out, since there is no qemu-aarch64: Linux on arm64');
  if (!hasWine) return console.log('left out, since there is no Wine: it runs on Windows Node');
  if (!(await check('npm installs it for Windows', () => installFor('win32-x64')))) return;
  for (const nodeVersion of windowsVersions) {
    await check(`it runs on Windows Node ${nodeVersion} under Wine`, () =>
      checkWindows(nodeVersion),
    );
  }
}

/** Runs parts, each of which takes its steps one after another, two at a time. */
async function runParts(parts) {
  const left = [...parts];
  const lane = async () => {
    for (let part = left.shift(); part; part = left.shift()) await part();
  };
  await Promise.all([lane(), lane()]);
}

async function installAllTools() {
  for (const name of ['packaging', 'runtimes', 'installers']) {
    await check(`the tools in scripts/tools/${name} are installed`, () => installTools(name));
  }
}

async function main() {
  let isBuilt = false;
  const build = async () => {
    isBuilt = await check('the packages are built', makePackages);
  };
  await runParts([build, installAllTools]);
  if (!isBuilt) return;
  const registry = await startRegistry();
  try {
    const name = 'npm installs them for this system, and those of no other';
    if (!(await check(name, () => installFor(platform)))) return;
    // The longest first.
    await runParts([
      checkInstallations,
      checkOtherSystems,
      checkBundles,
      checkPrograms,
      checkPackages,
    ]);
  } finally {
    registry.kill();
  }
}

try {
  await main();
} finally {
  fs.rmSync(projects, { recursive: true, force: true });
}
console.log('\n| result | seconds | check |\n| --- | --- | --- |');
for (const { name, result, seconds } of results)
  console.log(`| ${result} | ${seconds} | ${name} |`);
const failed = results.filter(({ result }) => result === 'FAILED').length;
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
