import process from 'node:process';

interface Permission {
  has(scope: string): boolean;
}

// Only a process under the permission model has it.
const { permission } = process as unknown as { permission?: Permission };

/**
 * Whether Node's permission model restricts which files node:fs reads or writes. Native code is not
 * restricted, so Node's functions must serve then. A program may drop permissions at any time
 * (process.permission.drop() of Node 24).
 * https://nodejs.org/api/permissions.html
 */
export function isRestricted(): boolean {
  return permission !== undefined && !(permission.has('fs.read') && permission.has('fs.write'));
}
