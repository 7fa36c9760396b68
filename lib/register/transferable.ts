import { FileHandle } from '../file-handle/file-handle.js';
import { requireCore } from '../handle/core-of.js';
import { queueMicrotask } from '../node/globals.js';
import { fieldsOf } from './node-methods.js';

// Under register a handle can be transferred to another thread as Node's can: the receiver gets a
// handle of Node for the same descriptor. Node calls two methods of the object, for what it
// consists of and for its data. Both call Node's own methods on a stand-in with their fields.

type Fields = Record<string | symbol, unknown>;
type AnyMethod = (this: unknown) => unknown;

/** Node's native handle, which owns a descriptor. */
interface NativeHandle {
  releaseFD(): number;
}

/**
 * Lets handles of this package be transferred like those of Node.
 * @param sample one of Node's own handles
 */
export function makeTransferable(sample: object): void {
  const fields = fieldsOf(sample);
  const kTransfer = fields.get('messaging_transfer_symbol');
  const kTransferList = fields.get('messaging_transfer_list_symbol');
  const [kHandle, kRefs] = [fields.get('kHandle'), fields.get('kRefs')];
  if (!kTransfer || !kTransferList || !kHandle || !kRefs) return;
  const nodes = sample as unknown as Fields;
  const Native = (nodes[kHandle] as object).constructor as new (fd: number) => NativeHandle;
  const [transfer, list] = [nodes[kTransfer] as AnyMethod, nodes[kTransferList] as AnyMethod];
  const natives = new WeakMap<FileHandle, NativeHandle>();
  const taken = new WeakSet<NativeHandle>();

  // With two users Node's method throws its error for a handle that is in use.
  const refuse = (): unknown => Reflect.apply(transfer, { [kRefs]: 2 }, []);

  const getList = function (this: FileHandle): unknown {
    const { file } = requireCore(this, 'this');
    if (file.state !== 'open' || file.holds.any) return refuse();
    const native = new Native(file.descriptor);
    natives.set(this, native);
    // If the message cannot be sent, the descriptor stays with this handle. Each native handle that
    // was made for it has to release it, or would close it when it is collected.
    queueMicrotask(() => {
      if (taken.has(native)) return;
      if (natives.get(this) === native) natives.delete(this);
      native.releaseFD();
    });
    return Reflect.apply(list, { [kHandle]: native }, []);
  };
  const getData = function (this: FileHandle): unknown {
    const native = natives.get(this);
    if (native === undefined || !requireCore(this, 'this').file.detach()) return refuse();
    natives.delete(this);
    taken.add(native);
    return Reflect.apply(transfer, { [kHandle]: native, [kRefs]: 1 }, []);
  };
  for (const [name, value] of [
    [kTransferList, getList],
    [kTransfer, getData],
  ] as const) {
    Object.defineProperty(FileHandle.prototype, name, {
      value,
      configurable: true,
      writable: true,
    });
  }
}
