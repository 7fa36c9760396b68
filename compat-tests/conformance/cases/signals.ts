import { caseList, type LooseHandle, type Setting } from '../case.js';

// The effect of an AbortSignal on every function that takes one in Node.

const list = caseList();
export const { cases } = list;

type WithSignal = (setting: Setting, signal: AbortSignal) => unknown;

async function consume(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const chunks: unknown[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

async function* endless(): AsyncGenerator<string> {
  for (;;) {
    yield 'x';
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function onHandle(
  { fs, file }: Setting,
  call: (handle: LooseHandle) => unknown,
): Promise<unknown> {
  const handle: LooseHandle = await fs.open(file, 'r+');
  try {
    return await call(handle);
  } finally {
    await handle.close();
  }
}

const calls: Record<string, WithSignal> = {
  readFile: ({ fs, file }, signal) => fs.readFile(file, { signal }),
  'readFile of nothing': ({ fs, missing }, signal) => fs.readFile(missing, { signal }),
  writeFile: ({ fs, missing }, signal) => fs.writeFile(missing, 'new', { signal }),
  'writeFile with a wrong mode': ({ fs, missing }, signal) =>
    fs.writeFile(missing, 'new', { signal, mode: 'x' }),
  'handle.readFile': (setting, signal) => onHandle(setting, (h) => h.readFile({ signal })),
  'handle.writeFile': (setting, signal) => onHandle(setting, (h) => h.writeFile('new', { signal })),
  'handle.writeFile of parts': (setting, signal) =>
    onHandle(setting, (h) => h.writeFile(['a', 'b'], { signal })),
  watch: async ({ fs, directory }, signal) => consume(fs.watch(directory, { signal })),
};

const reasons: Record<string, () => AbortSignal> = {
  'aborted before': () => AbortSignal.abort(),
  'aborted before with a reason': () => AbortSignal.abort('the reason'),
  'aborted before with an error': () => AbortSignal.abort(new RangeError('mine')),
};

for (const [name, call] of Object.entries(calls)) {
  for (const [how, make] of Object.entries(reasons)) {
    list.add(`${name}, ${how}`, undefined, (setting) => call(setting, make()));
  }
}

const never: Record<string, WithSignal> = {
  readFile: ({ fs, file }, signal) => fs.readFile(file, { signal, encoding: 'utf8' }),
  writeFile: ({ fs, file }, signal) => fs.writeFile(file, 'new', { signal }),
  'writeFile of parts': ({ fs, file }, signal) => fs.writeFile(file, ['a', 'b'], { signal }),
  appendFile: ({ fs, file }, signal) => fs.appendFile(file, 'new', { signal }),
  'handle.readFile': (setting, signal) => onHandle(setting, (h) => h.readFile({ signal })),
};
for (const [name, call] of Object.entries(never)) {
  list.add(`${name}, not aborted`, 'ok', (setting) => call(setting, new AbortController().signal));
  list.add(`${name}, aborted after`, 'ok', async (setting) => {
    const controller = new AbortController();
    const result = await call(setting, controller.signal);
    controller.abort();
    return result;
  });
}

for (const reason of [undefined, 'the reason', new TypeError('mine'), 0]) {
  const shownReason = String(reason);
  list.add(`writeFile without end, aborted with ${shownReason}`, 'ABORT_ERR', async (setting) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 5);
    try {
      await setting.fs.writeFile(setting.file, endless(), { signal: controller.signal });
    } finally {
      setting.sync.writeFileSync(setting.file, 'as much as there was time for');
    }
  });
}
list.add('no listener stays on a signal', 'ok', async ({ fs, file }) => {
  const { signal } = new AbortController();
  const counts = { added: 0, removed: 0 };
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: unknown[]) => {
    counts.added++;
    Reflect.apply(addEventListener, signal, args);
  };
  signal.removeEventListener = (...args: unknown[]) => {
    counts.removed++;
    Reflect.apply(removeEventListener, signal, args);
  };
  await fs.readFile(file, { signal });
  await fs.writeFile(file, 'x', { signal });
  return counts.added === counts.removed;
});
