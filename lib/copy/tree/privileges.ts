import process from 'node:process';
import { nodeFs } from '../../node/node-fs.js';

// CAP_DAC_OVERRIDE of capabilities(7).
const overrideBit = 1n << 1n;

/** Whether the process may write to folders whatever their modes. Root in a container may not. */
export function overridesModes(): boolean {
  if (process.geteuid?.() !== 0) return false;
  if (process.platform !== 'linux') return true;
  try {
    const status = nodeFs.readFileSync('/proc/self/status', 'latin1');
    const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
    return effective === undefined || (BigInt(`0x${effective}`) & overrideBit) !== 0n;
  } catch {
    return true;
  }
}
