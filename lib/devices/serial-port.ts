import { constants } from 'node:fs';
import type { Completion } from '../engine/completion.js';
import { exchangeSerialSettings } from '../engine/requests.js';
import { FileHandle } from '../file-handle/file-handle.js';
import type { CoreHandle } from '../handle/core-handle.js';
import { requireCore } from '../handle/core-of.js';
import { openParsed } from '../handle/open.js';
import { systemErrorOf, unavailable } from '../node/errors.js';
import {
  validateInteger,
  validateObject,
  validateOneOf,
  validateSignal,
} from '../node/validate.js';
import {
  deviceRequest,
  isWindows,
  parseDeviceName,
  requireKind,
  type SignalOptions,
} from './names.js';

/** Settings of a serial port. */
export interface SerialSettings {
  /** Bits per second; any rate that the device supports. Default 9600. */
  baudRate: number;
  /** Bits per character. Default 8. */
  dataBits: 5 | 6 | 7 | 8;
  /** The parity bit of a character. Default 'none'. */
  parity: 'none' | 'odd' | 'even' | 'mark' | 'space';
  /** Stop bits; 1.5 on Windows only. Default 1. */
  stopBits: 1 | 1.5 | 2;
  /**
   * How the receiver pauses the sender: by wire ('rtscts') or by control characters ('xonxoff').
   * Default 'none'.
   */
  flowControl: 'none' | 'rtscts' | 'xonxoff';
  /**
   * Milliseconds after which a read that has received nothing ends with 0 bytes, which a stream
   * takes for the end. null (the default) waits for the first byte. On POSIX the value is rounded
   * up to a multiple of 100; the maximum is 25,500.
   */
  readTimeoutMs: number | null;
  /**
   * Milliseconds of silence, at least 2, that end a read once it has received some bytes; until
   * then the read keeps filling its buffer. null (the default) returns whatever has arrived (on
   * Windows, once no byte has come for 1 ms). POSIX rounds as for `readTimeoutMs`. Only Windows
   * accepts both settings together; `readTimeoutMs` then limits the whole read.
   */
  readIntervalMs: number | null;
}

/** Options of openSerialPort() and setSerialSettings(). */
export interface SerialOptions extends Partial<SerialSettings>, SignalOptions {}

const parities = ['none', 'odd', 'even', 'mark', 'space'] as const;
const flowControls = ['none', 'rtscts', 'xonxoff'] as const;
const dataBits = [5, 6, 7, 8] as const;
const stopBits = isWindows ? [1, 1.5, 2] : [1, 2];
const baudRateMax = 2 ** 31 - 1;
const timeMsMax = isWindows ? 2 ** 31 - 1 : 25_500;
const timeStepMs = isWindows ? 1 : 100;
const intervalMsMin = 2;
const unchanged = -2;
const noTime = -1;
const tenths = 10;

// The fields, in the order of SerialField in addon/engine/system/devices.h.
type Fields = [number, number, number, number, number, number, number];

const defaults: SerialSettings = {
  baudRate: 9600,
  dataBits: 8,
  parity: 'none',
  stopBits: 1,
  flowControl: 'none',
  readTimeoutMs: null,
  readIntervalMs: null,
};

function timeField(value: number | null | undefined, name: string, min: number): number {
  if (value === undefined) return unchanged;
  if (value === null) return noTime;
  validateInteger(value, `options.${name}`, min, timeMsMax);
  return Math.ceil(value / timeStepMs) * timeStepMs;
}

function choiceField(value: unknown, name: string, choices: readonly unknown[]): number {
  if (value === undefined) return unchanged;
  validateOneOf(value, `options.${name}`, choices);
  return choices.indexOf(value);
}

/** Undefined settings keep their current value. */
function fieldsOf(settings: Partial<SerialSettings>): Fields {
  const { baudRate, readTimeoutMs, readIntervalMs } = settings;
  if (baudRate !== undefined) validateInteger(baudRate, 'options.baudRate', 1, baudRateMax);
  choiceField(settings.dataBits, 'dataBits', dataBits);
  choiceField(settings.stopBits, 'stopBits', stopBits);
  if (!isWindows && readTimeoutMs != null && readIntervalMs != null) {
    throw unavailable('options.readTimeoutMs with options.readIntervalMs');
  }
  return [
    baudRate ?? unchanged,
    settings.dataBits ?? unchanged,
    choiceField(settings.parity, 'parity', parities),
    settings.stopBits === undefined ? unchanged : settings.stopBits * tenths,
    choiceField(settings.flowControl, 'flowControl', flowControls),
    timeField(readTimeoutMs, 'readTimeoutMs', 0),
    timeField(readIntervalMs, 'readIntervalMs', intervalMsMin),
  ];
}

const names = Object.keys(defaults) as (keyof SerialSettings)[];

function decodeFields(completion: Completion): Fields {
  const content = completion.takeContent() as Buffer;
  return names.map((_, field) => content.readInt32LE(4 * field)) as Fields;
}

function settingsOf(fields: Fields): SerialSettings {
  const [baudRate, bits, parity, stop, flow, timeout, interval] = fields;
  return {
    baudRate,
    dataBits: bits as SerialSettings['dataBits'],
    parity: parities[parity] ?? 'none',
    stopBits: (stop / tenths) as SerialSettings['stopBits'],
    flowControl: flowControls[flow] ?? 'none',
    readTimeoutMs: timeout === noTime ? null : timeout,
    readIntervalMs: interval === noTime ? null : interval,
  };
}

async function exchange(port: CoreHandle, fields: Fields, path?: string): Promise<SerialSettings> {
  const subject = { syscall: 'tcsetattr', path };
  const taken = await port.operate({
    ...exchangeSerialSettings(Int32Array.from(fields)),
    subject,
    decode: decodeFields,
  });
  // A driver silently applies only what it supports, so the settings are read back and compared.
  const refused = names.filter((_, i) => fields[i] !== unchanged && fields[i] !== taken[i]);
  if (refused.length > 0) {
    throw systemErrorOf('EINVAL', subject, `the device does not take this ${refused.join(', ')}`);
  }
  return settingsOf(taken);
}

/**
 * Opens a serial port for raw reading and writing. The defaults are 9600 baud, 8 data bits, no
 * parity, 1 stop bit and no flow control.
 * @param path such as 'COM3' or '/dev/ttyUSB0'
 * @throws ENXIO, ENOTTY if the path is not a serial port; EINVAL for settings that the device does
 *   not support; ENOENT, EACCES, EBUSY, … as open() does
 * @example
 * const port = await openSerialPort('/dev/ttyUSB0', { baudRate: 115_200 });
 * await port.write('AT\r\n');
 */
export async function openSerialPort(
  path: string,
  options: SerialOptions = {},
): Promise<FileHandle> {
  const parsed = parseDeviceName(path);
  validateObject(options, 'options');
  validateSignal(options.signal);
  const given = names.filter((name) => options[name] !== undefined);
  const chosen = Object.fromEntries(given.map((name) => [name, options[name]]));
  const fields = fieldsOf({ ...defaults, ...chosen });
  // The port must not become the controlling terminal of the process.
  const flags = constants.O_RDWR | (constants.O_NOCTTY ?? 0);
  const port = await openParsed(parsed, deviceRequest(flags, options.signal));
  await requireKind(port, port.deviceType === 'char', parsed.shown);
  try {
    await exchange(port, fields, parsed.shown);
    return new FileHandle(port);
  } catch (error) {
    await port.close();
    throw error;
  }
}

/** Reads the current settings of a serial port. @throws ENOTTY if the handle is something else */
export async function serialSettings(port: FileHandle): Promise<SerialSettings> {
  return exchange(requireCore(port, 'port'), names.map(() => unchanged) as Fields);
}

/**
 * Changes settings after all written data has been sent. Settings that are not named keep their
 * value.
 * @returns all settings
 * @throws EINVAL if the device does not support a setting; other settings may have been applied
 * @example
 * await setSerialSettings(port, { baudRate: 57_600 });
 */
export async function setSerialSettings(
  port: FileHandle,
  settings: Partial<SerialSettings>,
): Promise<SerialSettings> {
  validateObject(settings, 'options');
  return exchange(requireCore(port, 'port'), fieldsOf(settings));
}
