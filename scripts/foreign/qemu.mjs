// The command that runs programs for arm64. Debian: gcc, qemu-user.
import { execFileSync } from 'node:child_process';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../../compat-tests/faults/deny-call.c', import.meta.url));

/**
 * Returns the words of the command to put before the program. Builds one of them in `folder`.
 *
 * qemu-user 7.2 passes the mask of statx() on, but not the alignment of direct I/O, which then
 * seems to be impossible. Without the mask, Linux before 6.1 is imitated.
 */
export function qemuForArm(folder) {
  const denyCall = path.join(folder, 'deny-call');
  execFileSync('cc', ['-O1', '-o', denyCall, source]);
  return [denyCall, 'dioalign', 'qemu-aarch64'];
}
