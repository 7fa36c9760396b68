// Is bundled by several bundlers. Prints the engine; its argument is a folder.
import { pipeline } from 'node:stream/promises';
import { copy, createReadStream, createWriteStream, engine, readFile, writeFile } from 'overlapped';

async function main(folder) {
  const file = `${folder}/bundled`;
  await writeFile(file, 'content');
  await pipeline(createReadStream(file), createWriteStream(`${file}-piped`));
  await copy(`${file}-piped`, `${file}-copy`, { verify: true });
  console.log(`${await readFile(`${file}-copy`, 'utf8')} by ${engine.kind}`);
}

main(process.argv[2]);
