// This file is compiled, not run: the types of the package resolve and are correct.
import { type CopyReport, copy, type FileHandle, open, readFile } from 'overlapped';
import { createReadStream, unregister } from 'overlapped/fs';
import promises from 'overlapped/promises';
import 'overlapped/register';
import { createReadableStream } from 'overlapped/web';

const handle: FileHandle = await open('file', 'r', { unbuffered: 'prefer' });
export const alignment: number | undefined = handle.alignment?.position;
export const text: string = await readFile('file', 'utf8');
export const bytes: Buffer = await promises.readFile('file');
export const stream: NodeJS.ReadableStream = createReadStream('file');
export const web: ReadableStream<Uint8Array> = createReadableStream('file');
export const report: CopyReport = await copy('a', 'b', { verify: true });
export const kept: string[] = unregister();
// @ts-expect-error: there is no such option.
open('file', 'r', { unbufered: true });
