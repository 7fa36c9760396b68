import { type EventEmitter, once } from 'node:events';
import nodeFs from 'node:fs';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { inherits } from 'node:util';
import { expect, test } from 'vitest';
import overlappedFs from '../../../lib/fs.js';
import { open } from '../../../lib/index.js';
import {
  distUrl,
  fileWith,
  isLinux,
  isWindows,
  openDescriptors,
  randomBytes,
  rejection,
  runChild,
  sleep,
  temporaryFolder,
  testWhere,
  until,
} from '../../helpers.js';

type Stream = nodeFs.ReadStream | nodeFs.WriteStream;
type Fs = Pick<
  typeof nodeFs,
  'createReadStream' | 'createWriteStream' | 'ReadStream' | 'WriteStream' | 'promises'
>;
interface Place {
  fs: Fs;
  file: string;
  missing: string;
}

const eventNames = ['open', 'ready', 'data', 'drain', 'finish', 'end', 'error', 'close'] as const;
const content = randomBytes(200_000);

/** The events of a stream until it closes, with their arguments. */
async function eventsOf(stream: Stream): Promise<unknown[]> {
  const events: unknown[] = [];
  const emitter: EventEmitter = stream;
  for (const name of eventNames) {
    if (name === 'data' && !('bytesRead' in stream)) continue;
    emitter.on(name, (value: unknown) => {
      const shown = value instanceof Error ? shapeOf(value) : value;
      events.push([name, name === 'open' ? typeof value : shown]);
    });
  }
  await once(emitter, 'close');
  return events;
}

function shapeOf(error: NodeJS.ErrnoException): unknown {
  const { name, code, syscall, message } = error;
  return { name, code, syscall, message: message.replace(/'.*'/, '<path>') };
}

async function placeOf(fs: Fs): Promise<Place> {
  const file = fileWith(content);
  return { fs, file, missing: path.join(path.dirname(file), 'missing') };
}

/** Declares a test that the streams of overlapped/fs behave like those of node:fs. */
function sameStream(
  name: string,
  run: (place: Place) => Promise<unknown>,
  register: (name: string, body: () => Promise<void>) => void = test,
): void {
  register(name, async () => {
    const [node, ours] = await Promise.all([placeOf(nodeFs), placeOf(overlappedFs)]);
    const outcome = async (place: Place): Promise<unknown> => {
      try {
        return { value: await run(place), written: contentOf(place.missing) };
      } catch (error) {
        return { error: shapeOf(error as Error) };
      }
    };
    expect(await outcome(ours)).toEqual(await outcome(node));
  });
}

function contentOf(file: string): string | undefined {
  return nodeFs.existsSync(file) ? nodeFs.readFileSync(file, 'hex') : undefined;
}

const readOptions = [
  undefined,
  null,
  {},
  'hex',
  { encoding: 'base64' },
  { start: 100 },
  { start: 100, end: 199 },
  { end: 70_000 },
  { start: 300_000 },
  { highWaterMark: 1000, end: 5000 },
  { autoClose: true, emitClose: true },
  { flags: 'r+', mode: 0o600 },
] as const;
for (const options of readOptions) {
  sameStream(`createReadStream with ${JSON.stringify(options)}`, async ({ fs, file }) => {
    const stream = fs.createReadStream(file, options as undefined);
    const before = [stream.pending, stream.bytesRead, stream.path === file];
    const events = await eventsOf(stream);
    return [before, events, stream.bytesRead, stream.destroyed, stream.closed];
  });
}
const refused = [
  5,
  { start: '1' },
  { start: 5, end: 1 },
  { start: -1 },
  { encoding: 'no-encoding' },
  { fd: 'x' },
  { fd: -1 },
  { fs: {} },
  { fs: { open() {}, read: null } },
];
for (const options of refused) {
  sameStream(`createReadStream refuses ${JSON.stringify(options)}`, async ({ fs, file }) =>
    fs.createReadStream(file, options as never),
  );
}
sameStream('createReadStream of no file', async ({ fs, missing }) =>
  eventsOf(fs.createReadStream(missing)),
);
sameStream('createReadStream of a folder', async ({ fs, file }) =>
  eventsOf(fs.createReadStream(path.dirname(file))),
);
sameStream('createReadStream of a number', async ({ fs }) => fs.createReadStream(5 as never));
sameStream(
  'createReadStream with a signal that is aborted',
  async ({ fs, file }) => eventsOf(fs.createReadStream(file, { signal: AbortSignal.abort() })),
  testWhere(!isWindows, "Node's own leaves the file open, and Windows cannot remove it then"),
);
sameStream('createReadStream of a descriptor', async ({ fs, file }) => {
  const fd = nodeFs.openSync(file, 'r');
  return eventsOf(fs.createReadStream('', { fd, start: 10, end: 20 }));
});
sameStream('a read stream that is destroyed at its first data', async ({ fs, file }) => {
  const stream = fs.createReadStream(file);
  stream.once('data', () => stream.destroy(new Error('enough')));
  return eventsOf(stream);
});
sameStream('close() of a read stream', async ({ fs, file }) => {
  const stream = fs.createReadStream(file);
  stream.once('open', () => stream.close());
  return eventsOf(stream);
});

const writeOptions = [
  undefined,
  'latin1',
  { encoding: 'utf16le' },
  { flags: 'a' },
  { flags: 'wx', mode: 0o640 },
  { flush: true },
  { highWaterMark: 3 },
] as const;
for (const options of writeOptions) {
  sameStream(`createWriteStream with ${JSON.stringify(options)}`, async ({ fs, missing }) => {
    const stream = fs.createWriteStream(missing, options as undefined);
    const events = eventsOf(stream);
    const wantsMore = [stream.write('one, '), stream.write(Buffer.from('two, '))];
    stream.cork();
    stream.write('three, ');
    stream.write('ü');
    stream.uncork();
    stream.end('end');
    return [await events, wantsMore, stream.bytesWritten, stream.pending];
  });
}
sameStream('createWriteStream at a start', async ({ fs, file }) => {
  const stream = fs.createWriteStream(file, { flags: 'r+', start: 50 });
  stream.end('in the middle');
  return [await eventsOf(stream), contentOf(file)];
});
sameStream('createWriteStream to no folder', async ({ fs, missing }) =>
  eventsOf(fs.createWriteStream(path.join(missing, 'x'))),
);
sameStream('createWriteStream of a file in use with wx', async ({ fs, file }) =>
  eventsOf(fs.createWriteStream(file, { flags: 'wx' })),
);
for (const options of [{ start: '1' }, { flush: 'x' }, { fs: {} }, { fd: {} }]) {
  sameStream(`createWriteStream refuses ${JSON.stringify(options)}`, async ({ fs, missing }) =>
    fs.createWriteStream(missing, options as never),
  );
}
sameStream('close() of a write stream', async ({ fs, missing }) => {
  const stream = fs.createWriteStream(missing);
  stream.write('x');
  const closed = new Promise((resolve) => stream.close(resolve));
  const events = await eventsOf(stream);
  await closed;
  return events;
});
sameStream('a pipeline of both', async ({ fs, file, missing }) =>
  pipeline(fs.createReadStream(file), fs.createWriteStream(missing)),
);

// ---- Classes

sameStream('the classes may be called without new, and derived from', async ({ fs, file }) => {
  const ReadStream = fs.ReadStream as unknown;
  const plain = (ReadStream as (file: string) => nodeFs.ReadStream)(file);
  class Modern extends (ReadStream as new (file: string, options?: object) => nodeFs.ReadStream) {}
  function Old(this: nodeFs.ReadStream, given: string): void {
    (ReadStream as unknown as (this: object, file: string) => void).call(this, given);
  }
  inherits(Old as never, ReadStream as never);
  const streams = [
    plain,
    new Modern(file, { end: 9 }),
    new (Old as never as new (f: string) => nodeFs.ReadStream)(file),
  ];
  return Promise.all(
    streams.map(async (stream) => [
      await eventsOf(stream),
      stream instanceof nodeFs.ReadStream,
      stream instanceof (ReadStream as never),
      stream.constructor.name,
    ]),
  );
});
test('streams are instances of the classes of node:fs', async () => {
  const file = fileWith('x');
  const reader = overlappedFs.createReadStream(file);
  const writer = overlappedFs.createWriteStream(file);
  expect(reader).toBeInstanceOf(nodeFs.ReadStream);
  expect(reader).toBeInstanceOf(overlappedFs.ReadStream);
  expect(writer).toBeInstanceOf(nodeFs.WriteStream);
  expect(overlappedFs.ReadStream.name).toBe('ReadStream');
  expect(overlappedFs.WriteStream.name).toBe('WriteStream');
  await Promise.all([reader, writer].map((stream) => once(stream.destroy(), 'close')));
});

// ---- Streams of a handle

const fromHandle: Record<string, (place: Place) => Promise<unknown>> = {
  'a read stream of a handle closes it': async ({ fs, file }) => {
    const handle = await fs.promises.open(file);
    const stream = handle.createReadStream();
    const order: string[] = [];
    (handle as unknown as EventEmitter).on('close', () => order.push('handle'));
    stream.on('close', () => order.push('stream'));
    return [await eventsOf(stream), handle.fd, order];
  },
  'a read stream of a handle with autoClose: false leaves it open': async ({ fs, file }) => {
    const handle = await fs.promises.open(file);
    const stream = handle.createReadStream({ autoClose: false, start: 5, end: 50 });
    stream.resume();
    await once(stream, 'end');
    const isOpen = handle.fd >= 0;
    await handle.close();
    return [isOpen, stream.destroyed];
  },
  'close() of a handle closes its stream': async ({ fs, file }) => {
    const handle = await fs.promises.open(file);
    const stream = handle.createReadStream();
    const events = eventsOf(stream);
    await handle.close();
    return [await events, handle.fd];
  },
  'a write stream of a handle': async ({ fs, missing }) => {
    const handle = await fs.promises.open(missing, 'w');
    const stream = handle.createWriteStream({ flush: true });
    stream.write('one');
    stream.end('two');
    return [await eventsOf(stream), stream.bytesWritten, handle.fd];
  },
  'a handle as the fd of a stream': async ({ fs, file }) => {
    const handle = await fs.promises.open(file);
    return eventsOf(fs.createReadStream('', { fd: handle, end: 100 }));
  },
  'a handle together with an fs is refused': async ({ fs, file }) => {
    const handle = await fs.promises.open(file);
    try {
      return fs.createReadStream('', { fd: handle, fs: nodeFs });
    } finally {
      await handle.close();
    }
  },
};
for (const [name, run] of Object.entries(fromHandle)) sameStream(name, run);

test('a rejected stream does not prevent its handle from closing', async () => {
  const handle = await open(fileWith('x'));
  expect(() => handle.createReadStream({ start: -1 })).toThrow(/out of range/);
  await handle.close();
  expect(handle.fd).toBe(-1);
});

testWhere(isLinux, 'descriptors are counted under /proc')(
  'a stream that is aborted before its file is open leaves it closed',
  async () => {
    const file = fileWith('x');
    const streams = Array.from({ length: 20 }, () =>
      overlappedFs.createReadStream(file, { signal: AbortSignal.abort() }),
    );
    await Promise.all(streams.map((stream) => rejection(once(stream, 'ready'))));
    await sleep(50);
    await until(() => openDescriptors(file) === 0);
  },
);

test('a read that fails destroys the stream with its error', async () => {
  const handle = await open(path.join(temporaryFolder(), 'new'), 'w');
  const stream = handle.createReadStream();
  stream.resume();
  const error = await rejection(once(stream, 'end'));
  expect(error).toMatchObject({ code: 'EBADF', syscall: 'read' });
});

test('an error thrown by a listener is an uncaught exception', async () => {
  const script = `
    const { default: overlapped } = await import(argument.replace('index.js', 'fs.js'));
    process.on('uncaughtException', (error, origin) => console.log(error.message, origin));
    overlapped.createReadStream(process.execPath, { end: 10 }).on('data', () => {
      throw new Error('thrown');
    });
  `;
  const { stdout } = await runChild(script, { args: [distUrl('index.js')] });
  expect(stdout.trim()).toBe('thrown uncaughtException');
});
