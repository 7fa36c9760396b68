// Runs under Jest and vitest, whose functions are global.
const { readFile, writeFile } = require('overlapped');
const { mkdtempSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

test('the package reads what it has written', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'overlapped-sample-')), 'file');
  await writeFile(file, 'content');
  expect(await readFile(file, 'utf8')).toBe('content');
});
