export { openConsole } from './console.js';
export { type DriveOptions, deviceSize, openDrive, openVolume } from './drives.js';
export {
  createMailslot,
  type MailslotOptions,
  type MailslotStatus,
  mailslotStatus,
  openMailslot,
  setMailslotTimeout,
} from './mailslot.js';
export { type ConnectOptions, connectNamedPipe } from './named-pipe-client.js';
export { createNamedPipe, type NamedPipeOptions, NamedPipeServer } from './named-pipe-server.js';
export { openParallelPort } from './parallel-port.js';
export { createPipe, type PipeOptions, type PipePair } from './pipe.js';
export type { PipeDirection } from './pipe-direction.js';
export {
  openSerialPort,
  type SerialOptions,
  type SerialSettings,
  serialSettings,
  setSerialSettings,
} from './serial-port.js';
