/**
 * Converts a mode for Node's own functions, which abort the process if it is not a signed 32-bit
 * integer (-0 and 2 ** 31 are not). The system ignores the bits beyond the permissions.
 */
export function modeForNode<T>(mode: T): T | number {
  const isOctal = typeof mode === 'string' && /^[0-7]+$/.test(mode);
  const value: unknown = isOctal ? Number.parseInt(mode, 8) : mode;
  if (typeof value !== 'number' || !Number.isInteger(value)) return mode;
  return value >= 0 && value <= 0xffffffff ? value & 0o7777 : mode;
}
