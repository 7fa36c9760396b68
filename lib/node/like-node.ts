const served = new WeakSet<object>();

/** Whether a function is one of ours that stand in the place of Node's. */
export function isServed(value: object): boolean {
  return served.has(value);
}

/**
 * Gives a function of ours what programs see of Node's own besides calling it: its name, its length
 * and what it carries by symbols, which is where util.promisify looks.
 */
export function likeNode<T extends object>(ours: T, nodes: unknown): T {
  served.add(ours);
  if (typeof nodes !== 'function') return ours;
  const { name, length } = Object.getOwnPropertyDescriptors(nodes);
  const seen: PropertyDescriptorMap = { name, length };
  for (const symbol of Object.getOwnPropertySymbols(nodes)) {
    const descriptor = Object.getOwnPropertyDescriptor(nodes, symbol);
    if (descriptor) Object.defineProperty(ours, symbol, descriptor);
  }
  return Object.defineProperties(ours, seen);
}
