import { spawn, spawnSync } from 'node:child_process';

/** Whether this system has a command. */
export function findCommand(name) {
  if (process.platform === 'win32') return false;
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', name]).status === 0;
}

/**
 * Runs a command and discards its output.
 * @param {string[]} words
 * @returns {Promise<{ seconds: number, cpuSeconds: number }>} how long it took, and the CPU time as
 *   the shell says it (`times`, POSIX)
 */
export async function runCommand(words) {
  const script = '"$@" >/dev/null 2>&1 || exit; times';
  const started = performance.now();
  const child = spawn('sh', ['-c', script, 'sh', ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const seconds = (performance.now() - started) / 1000;
  if (code !== 0) throw new Error(`${words.join(' ')} ended with code ${code}`);
  // The second line is the time of the commands: 0m0.01s 0m0.12s
  const times = output.split('\n')[1]?.match(/[\d.]+m[\d.]+s/g) ?? [];
  const toSeconds = (time) => {
    const [minutes, rest] = time.split('m');
    return Number(minutes) * 60 + Number.parseFloat(rest);
  };
  return { seconds, cpuSeconds: times.reduce((sum, time) => sum + toSeconds(time), 0) };
}
