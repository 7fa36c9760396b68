// Runs in a folder where the package has been installed, and uses it as a program does.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { copy, createReadStream, createWriteStream, engine, readFile } from 'overlapped';
import { unregister } from 'overlapped/fs';
import 'overlapped/register';

const [folder] = process.argv.slice(2);
const source = path.join(folder, 'source');
const content = Buffer.alloc(300_001, 'overlapped ');
fs.writeFileSync(source, content);

assert.ok((await readFile(source)).equals(content));
const report = await copy(source, path.join(folder, 'copied'), { verify: true });
assert.equal(report.verified, true);
await pipeline(createReadStream(source), createWriteStream(path.join(folder, 'piped')));
const own = await fs.promises.readFile(path.join(folder, 'copied'));
assert.ok(own.equals(content));
const { submitted } = engine.stats();
await fs.promises.readFile(source);
assert.ok(engine.stats().submitted > submitted);
unregister();
assert.ok(fs.readFileSync(path.join(folder, 'piped')).equals(content));
console.log(`${engine.kind} on Node ${process.version}, ${process.platform}`);
