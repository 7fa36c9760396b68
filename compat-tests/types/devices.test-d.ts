// Compiled by `npm run typecheck`, not run: the parameter and result types of overlapped/devices.
import { expectTypeOf } from 'vitest';
import {
  type ConnectOptions,
  connectNamedPipe,
  createMailslot,
  createNamedPipe,
  createPipe,
  type DriveOptions,
  deviceSize,
  type MailslotStatus,
  mailslotStatus,
  type NamedPipeOptions,
  NamedPipeServer,
  openConsole,
  openDrive,
  openMailslot,
  openParallelPort,
  openSerialPort,
  openVolume,
  type PipeDirection,
  type PipePair,
  type SerialSettings,
  serialSettings,
  setMailslotTimeout,
  setSerialSettings,
} from '../../lib/devices/index.js';
import type { FileHandle } from '../../lib/index.js';

declare const handle: FileHandle;
declare const server: NamedPipeServer;
declare const signal: AbortSignal;

// ---- Pipes

expectTypeOf<PipeDirection>().toEqualTypeOf<'in' | 'out' | 'duplex'>();
expectTypeOf(createNamedPipe('x', { direction: 'in' })).resolves.toEqualTypeOf<NamedPipeServer>();
expectTypeOf<NamedPipeOptions['direction']>().toEqualTypeOf<PipeDirection>();
expectTypeOf<NamedPipeOptions['signal']>().toEqualTypeOf<AbortSignal | undefined>();
createNamedPipe('x', {
  direction: 'duplex',
  instancesMax: 5,
  bufferSize: 4096,
  messages: true,
  remote: false,
  signal,
});
// @ts-expect-error the direction is required
createNamedPipe('x', {});
// @ts-expect-error unknown direction
createNamedPipe('x', { direction: 'both' });
// @ts-expect-error unknown option
createNamedPipe('x', { direction: 'in', instances: 5 });
// @ts-expect-error only createNamedPipe() creates servers
new NamedPipeServer();

expectTypeOf(server.name).toEqualTypeOf<string>();
// @ts-expect-error the name is read-only
server.name = 'y';
expectTypeOf(server.connect()).resolves.toEqualTypeOf<FileHandle>();
expectTypeOf(server.connect({ signal })).resolves.toEqualTypeOf<FileHandle>();
expectTypeOf(server.disconnect(handle)).resolves.toBeVoid();
expectTypeOf(server.close()).resolves.toBeVoid();
expectTypeOf(server[Symbol.asyncDispose]()).resolves.toBeVoid();
// @ts-expect-error a handle, not its number
server.disconnect(5);

expectTypeOf(connectNamedPipe('x', { direction: 'out' })).resolves.toEqualTypeOf<FileHandle>();
expectTypeOf<ConnectOptions['waitMs']>().toEqualTypeOf<number | undefined>();
// @ts-expect-error the direction is required
connectNamedPipe('x');
// @ts-expect-error milliseconds are a number
connectNamedPipe('x', { direction: 'in', waitMs: '5' });

expectTypeOf(createPipe()).resolves.toEqualTypeOf<PipePair>();
expectTypeOf(createPipe({ bufferSize: 4096 })).resolves.toEqualTypeOf<PipePair>();
expectTypeOf<PipePair['readable']>().toEqualTypeOf<FileHandle>();
expectTypeOf<PipePair['writable']>().toEqualTypeOf<FileHandle>();

// ---- Mailslots

expectTypeOf(createMailslot('x', { messageSizeMax: 0, readTimeoutMs: Infinity }))
  .resolves //
  .toEqualTypeOf<FileHandle>();
expectTypeOf(openMailslot('x', { signal })).resolves.toEqualTypeOf<FileHandle>();
expectTypeOf(mailslotStatus(handle)).resolves.toEqualTypeOf<MailslotStatus>();
expectTypeOf<MailslotStatus['nextSize']>().toEqualTypeOf<number | null>();
expectTypeOf(setMailslotTimeout(handle, 5)).resolves.toBeVoid();
// @ts-expect-error the timeout is required
setMailslotTimeout(handle);

// ---- Serial and parallel ports

expectTypeOf(openSerialPort('COM3')).resolves.toEqualTypeOf<FileHandle>();
openSerialPort('COM3', { baudRate: 9600, dataBits: 7, parity: 'mark', stopBits: 1.5, signal });
openSerialPort('COM3', { flowControl: 'xonxoff', readTimeoutMs: null, readIntervalMs: 5 });
expectTypeOf(serialSettings(handle)).resolves.toEqualTypeOf<SerialSettings>();
expectTypeOf(setSerialSettings(handle, { baudRate: 5 })).resolves.toEqualTypeOf<SerialSettings>();
expectTypeOf<SerialSettings['readTimeoutMs']>().toEqualTypeOf<number | null>();
// @ts-expect-error a byte has 5 to 8 bits
openSerialPort('COM3', { dataBits: 9 });
// @ts-expect-error unknown parity
setSerialSettings(handle, { parity: 'E' });
expectTypeOf(openParallelPort('LPT1', { signal })).resolves.toEqualTypeOf<FileHandle>();

// ---- Drives and the console

expectTypeOf(openVolume('C:', { flags: 'r+' })).resolves.toEqualTypeOf<FileHandle>();
expectTypeOf(openDrive(0)).resolves.toEqualTypeOf<FileHandle>();
expectTypeOf(openDrive('/dev/sda')).resolves.toEqualTypeOf<FileHandle>();
expectTypeOf(deviceSize(handle)).resolves.toEqualTypeOf<number>();
expectTypeOf<DriveOptions['flags']>().toEqualTypeOf<'r' | 'r+' | undefined>();
// @ts-expect-error drives cannot be created
openDrive(0, { flags: 'w' });
expectTypeOf(openConsole('input')).resolves.toEqualTypeOf<FileHandle>();
// @ts-expect-error a console has two sides
openConsole('error');
