import type { EventEmitter } from 'node:events';
import { bindingOf } from '../node/layers.js';

// pipe(), pipeline() and finished() listen to 'finish', and never look at the descriptor. Node does
// not export these listeners, but shows the source of its modules.

type Listener = (...given: unknown[]) => void;

const modules = ['internal/streams/readable', 'internal/streams/end-of-stream'];
const sourceOf = Function.prototype.toString;
/** Sources of listeners that are Node's own. */
const known: string[] = [];
let sources: string[] | undefined;

function isNodesListener(listener: Listener): boolean {
  const source: string = sourceOf.call(listener);
  if (known.includes(source)) return true;
  sources ??= modules
    .map((name) => bindingOf('natives')?.[name])
    .filter((text) => typeof text === 'string');
  // The name, because a short function may have the same source as another one of Node's.
  const definition = source.startsWith('function onfinish(') ? source : `onfinish = ${source}`;
  const isNodes = sources.some((text) => text.includes(definition));
  if (isNodes) known.push(source);
  return isNodes;
}

/** Whether a program sees that a stream finishes, as opposed to Node's own functions. */
export function isFinishSeen(stream: EventEmitter): boolean {
  return (
    stream.listenerCount('finish') > 0 &&
    !stream.listeners('finish').every((listener) => isNodesListener(listener as Listener))
  );
}
