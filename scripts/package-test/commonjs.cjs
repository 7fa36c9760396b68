// The same as module.mjs, with require().
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { engine, readFile, writeFile } = require('overlapped');
const promises = require('overlapped/promises');

async function main(folder) {
  const file = path.join(folder, 'written');
  await writeFile(file, 'content');
  assert.equal(await readFile(file, 'utf8'), 'content');
  assert.equal(await promises.readFile(file, 'latin1'), 'content');
  require('overlapped/register');
  assert.equal(await fs.promises.readFile(file, 'utf8'), 'content');
  console.log(`${engine.kind} on Node ${process.version}, ${process.platform}`);
}

main(process.argv[2]);
