import { once } from 'node:events';
import * as net from 'node:net';
import { type FileHandle, open } from '../../lib/index.js';
import { isWindows, makeFifo } from '../helpers.js';

/** A handle whose reads wait until feed() is called; on a FIFO, or a named pipe on Windows. */
export interface PendingPipe {
  handle: FileHandle;
  feed(text: string): Promise<void>;
  end(): Promise<void>;
}

let pipes = 0;

async function namedPipe(): Promise<PendingPipe> {
  const name = `\\\\.\\pipe\\overlapped-test-${process.pid}-${++pipes}`;
  const server = net.createServer();
  server.listen(name);
  await once(server, 'listening');
  const connected = once(server, 'connection') as Promise<[net.Socket]>;
  const handle = await open(name, 'r+');
  const [socket] = await connected;
  socket.on('error', () => {});
  return {
    handle,
    feed: (text) => new Promise((resolve) => socket.write(text, () => resolve())),
    end: async () => {
      socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function fifo(): Promise<PendingPipe> {
  const path = makeFifo();
  const handle = await open(path, 'r+');
  const writer = await open(path, 'r+');
  return {
    handle,
    feed: async (text) => {
      await writer.write(text);
    },
    end: () => writer.close(),
  };
}

export const pendingPipe: () => Promise<PendingPipe> = isWindows ? namedPipe : fifo;
