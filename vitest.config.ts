import { spawnSync } from 'node:child_process';
import { defineConfig, type TestProjectConfiguration } from 'vitest/config';

// Every test file runs once per engine of this system, the best one first.
const enginesByPlatform: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  linux: ['uring', 'threadpool'],
  win32: ['iocp', 'threadpool'],
};

const probe = `
  const module = { exports: {} };
  process.dlopen(module, process.argv[1] + '/build/Release/overlapped.node');
  try {
    module.exports.start('uring', () => {}, []);
  } catch (error) {
    console.log(error.message);
  }
`;

/** Why io_uring cannot be had here; empty where it can. */
function uringRefusal(): string {
  const child = spawnSync(process.execPath, ['-e', probe, import.meta.dirname], {
    encoding: 'utf8',
    cwd: import.meta.dirname,
  });
  return (child.stdout + child.stderr).trim();
}

function enginesToTest(): readonly string[] {
  const engines = enginesByPlatform[process.platform] ?? ['threadpool'];
  // In CI what cannot run must fail; the set-up file of the tests sees to that.
  if (process.env.CI || !engines.includes('uring')) return engines;
  const refusal = uringRefusal();
  if (refusal === '') return engines;
  console.warn(`NOT TESTED: engine uring, which cannot be had here. ${refusal}`);
  return engines.filter((engine) => engine !== 'uring');
}

const isWindows = process.platform === 'win32';
const heavyTests = 'compat-tests/heavy/**/*.test.ts';

// Tests that take gigabytes of memory are a project of their own, which runs when all others have
// ended, one file at a time: some of those measure.
function projectsOf(engine: string): TestProjectConfiguration[] {
  const common = {
    setupFiles: 'compat-tests/setup.ts',
    env: { OVERLAPPED_ENGINE: engine },
    pool: 'forks' as const,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Starting a process is dear there.
    ...(isWindows ? { fileParallelism: false, isolate: false } : {}),
  };
  const all = ['compat-tests/**/*.test.ts'];
  const projects: TestProjectConfiguration[] = [
    {
      test: { ...common, name: engine, include: all, exclude: [heavyTests] },
    },
    {
      test: {
        ...common,
        name: `${engine}-heavy`,
        include: [heavyTests],
        fileParallelism: false,
        sequence: { groupOrder: 1 },
      },
    },
  ];
  // Windows Node under Wine has no gigabytes to give in a time that CI has.
  return isWindows ? projects.slice(0, 1) : projects;
}

export default defineConfig({
  test: {
    // Tests share two or more cores with each other; some of them measure.
    maxWorkers: 2,
    globalSetup: 'compat-tests/build-is-current.ts',
    projects: enginesToTest().flatMap(projectsOf),
  },
});
