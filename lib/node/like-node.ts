const served = new WeakSet<object>();

/** Whether a function is one of ours that replaces one of Node's. */
export function isServed(value: object): boolean {
  return served.has(value);
}

/**
 * Gives one of our functions the visible traits of Node's: its name, its length and its symbol
 * properties, which include those that util.promisify reads.
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
