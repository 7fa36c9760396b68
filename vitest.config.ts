import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { defineConfig, type TestProjectConfiguration } from 'vitest/config';
import type { Reporter, TestCase } from 'vitest/node';

// Every test file runs once per engine of this system, the best engine first.
const enginesByPlatform: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  linux: ['uring', 'threadpool'],
  win32: ['iocp', 'threadpool'],
};

// A command that runs Node for another machine or C library (scripts/foreign-tests.mjs). Processes
// are started by it, those of the tests too.
const foreignNode = process.env.OVERLAPPED_FOREIGN_NODE;
if (foreignNode) process.execPath = foreignNode;

const probe = `
  const module = { exports: {} };
  process.dlopen(module, process.argv[1] + '/build/Release/overlapped.node');
  try {
    module.exports.start('uring', () => {}, []);
  } catch (error) {
    console.log(error.message);
  }
`;

/** Why io_uring is not available here; empty if it is. */
function uringRefusal(): string {
  const child = spawnSync(process.execPath, ['-e', probe, import.meta.dirname], {
    encoding: 'utf8',
    cwd: import.meta.dirname,
  });
  return (child.stdout + child.stderr).trim();
}

function enginesToTest(): readonly string[] {
  const engines = enginesByPlatform[process.platform] ?? ['threadpool'];
  // In CI an engine that is not available must fail; the setup file of the tests checks that.
  if (process.env.CI || !engines.includes('uring')) return engines;
  const refusal = uringRefusal();
  if (refusal === '') return engines;
  console.warn(`NOT TESTED: the engine uring, which is not available here. ${refusal}`);
  return engines.filter((engine) => engine !== 'uring');
}

const isWindows = process.platform === 'win32';
const startsSlowly = isWindows || Boolean(foreignNode);

// Tests import modules of lib/ from a bundle of all (scripts/bundle-for-tests.mjs). Each file of
// tests has a process of its own, where Vite would transform and run three hundred modules.
const bundle = path.join(import.meta.dirname, 'build', 'tests').replaceAll('\\', '/');
const alias = [{ find: /^(?:\.\.\/)+lib\//, replacement: `${bundle}/` }];

// CI runs a failed test once more, so that one of thousands that depends on the timing of a loaded
// machine does not hide the result of all others. Each such test is reported: it is to be mended.
const retries = process.env.CI ? 1 : 0;

class UnsteadyTests implements Reporter {
  private readonly found: TestCase[] = [];

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky) this.found.push(test);
  }

  onTestRunEnd(): void {
    for (const test of this.found) {
      const { errors } = test.result();
      const why = errors?.[0]?.message.split('\n', 1)[0] ?? 'no message';
      const { project, module, fullName } = test;
      const name = `|${project.name}| ${module.relativeModuleId} > ${fullName}`;
      console.log(`UNSTEADY: ${name} failed at first: ${why}`);
    }
  }
}

const heavyTests = 'compat-tests/heavy/**/*.test.ts';

// Tests that take gigabytes of memory are a project of their own. It runs one file at a time, when
// all others have ended.
function projectsOf(engine: string): TestProjectConfiguration[] {
  const common = {
    setupFiles: 'compat-tests/setup.ts',
    env: { OVERLAPPED_ENGINE: engine },
    pool: 'forks' as const,
    // These limits end tests that hang. No machine is so busy that a test needs them otherwise.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    retry: retries,
    server: { deps: { external: [/\/build\/tests\//] } },
    deps: { interopDefault: false },
    // Starting a process is expensive there.
    ...(startsSlowly ? { fileParallelism: false, isolate: false } : {}),
  };
  const all = ['compat-tests/**/*.test.ts'];
  const projects: TestProjectConfiguration[] = [
    {
      resolve: { alias },
      test: { ...common, name: engine, include: all, exclude: [heavyTests] },
    },
    {
      resolve: { alias },
      test: {
        ...common,
        name: `${engine}-heavy`,
        include: [heavyTests],
        fileParallelism: false,
        sequence: { groupOrder: 1 },
      },
    },
  ];
  // Moving gigabytes under Wine or an emulator takes longer than CI may.
  return startsSlowly ? projects.slice(0, 1) : projects;
}

export default defineConfig({
  test: {
    // One more than the processors that the tests are made for, since many of them wait.
    maxWorkers: 3,
    globalSetup: 'compat-tests/build-is-current.ts',
    reporters: [
      'default',
      ...(process.env.GITHUB_ACTIONS ? ['github-actions'] : []),
      new UnsteadyTests(),
    ],
    projects: enginesToTest().flatMap(projectsOf),
  },
});
