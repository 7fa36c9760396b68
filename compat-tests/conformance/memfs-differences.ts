export const memfsDifferences: Readonly<Record<string, readonly string[]>> = {};
