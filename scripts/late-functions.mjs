// Which code of the package loads late: when one of its functions is first called. Used by
// build-ts.mjs.
import * as path from 'node:path';

/**
 * The modules of the base: all that `overlapped/register` needs to replace Node's functions. It is
 * also what has to load before a program replaces globals. The chunk 'core' has the other modules
 * that most programs need.
 */
const baseModules = [
  'engine/shortage',
  'engine/started',
  'functions/callbacks',
  'functions/delegated',
  'functions/glob',
  'functions/promises-object',
  'functions/uses',
  'node/file-mode',
  'node/globals',
  'node/host',
  'node/layers',
  'node/like-node',
  'node/node-fs',
  'node/own-frames',
  'node/own-options',
  'node/package-folder',
  'node/permission',
  'register/hooks',
  'register/module-reads',
  'register/register',
  'register/replacements',
  'register/streams',
  'register/workers',
];

/**
 * The modules of each chunk that loads later than the core: rooms of lib/, or single modules.
 * Loading takes a descriptor, so what works without one, such as a removal or a transfer of an open
 * file, is not among them.
 */
const lateChunks = {
  streams: ['streams', 'transfer'],
  rarely: [
    'engine/directory-requests',
    'file-handle/directory-handle',
    'file-handle/handle-web-stream',
    'file-handle/read-file-in',
    'functions/copy-path',
    'functions/open-directory',
    'functions/temporary-directory',
    'handle/attributes',
    'handle/entry-name',
    'handle/name-statuses',
    'handle/new-times',
    'handle/sparse',
    'win32',
  ],
};

/** Modules of these rooms that are always needed. */
const needed = [
  'streams/descriptor',
  'streams/file-streams',
  'streams/path-file',
  'streams/stream-life',
  'streams/stream-options',
  'streams/text-chunks',
  'transfer/aligned-buffer',
  'transfer/alignment',
  'transfer/file-size',
  'transfer/window',
  'win32/held-by-others',
];

/** In the order in which they load. */
const order = ['base', 'core', 'rarely', 'streams'];

/** The chunk of a module of lib/ that has none of its own, named without its extension. */
export function chunkByTime(name) {
  const [room] = name.split('/');
  const isIn = (modules) => modules.includes(room) || modules.includes(name);
  if (isIn(baseModules)) return 'base';
  if (needed.includes(name)) return 'core';
  return Object.keys(lateChunks).find((chunk) => isIn(lateChunks[chunk])) ?? 'core';
}

const prefix = '\0late:';

/** Whether a module stands for a late one. */
export const isForLate = (id) => id.startsWith(prefix);

// What rollup makes of import() in CommonJS.
const dynamicImport = new RegExp(
  String.raw`requireLate\(Promise\.resolve\(\)\.then\(function \(\) \{ return ` +
    String.raw`require\('\./(\w+)\.cjs'\); \}\)` +
    String.raw`(?:\.then\(function \(n\) \{ return (n\.[\w$]+); \}\))?\)`,
  'g',
);

const requireFirst = /var (base|core) = require\('\.\/\1\.cjs'\);\n/;
const givenChunks = order
  .slice(1)
  .map((name) => `CHUNK.lateChunks.${name} ??= () => require('./${name}.cjs');\n`)
  .join('');

/**
 * Lets chunks that load the base tell it how late chunks load. If the base required them itself,
 * while they require the base, bundlers would warn of a circle.
 */
function withLateChunks(code, name) {
  if (name === 'base') {
    const own = 'const lateChunks = {};\nexports.lateChunks = lateChunks;\n';
    return code.replace("'use strict';\n", (strict) => strict + own);
  }
  if (name === 'core') {
    const own = 'const { lateChunks } = base;\nexports.lateChunks = lateChunks;\n';
    return code.replace(requireFirst, (line) => line + own);
  }
  if (name in lateChunks) return code;
  return code.replace(requireFirst, (line, chunk) => line + givenChunks.replaceAll('CHUNK', chunk));
}

// No spread, because a program may have broken the iteration of arrays.
function forwardingTo({ id, params, async: isAsync }) {
  const first = params.findIndex(({ type }) => type !== 'Identifier');
  const count = first < 0 ? params.length : first;
  const names = [...Array(count).keys()].map((index) => `a${index}`);
  const call = `return apply(load().${id.name}, undefined, arguments);`;
  // A module may fail to load, for lack of a descriptor.
  const body = isAsync ? `try { ${call} } catch (error) { return Promise.reject(error); }` : call;
  return `export function ${id.name}(${names.join(', ')}) { ${body} }`;
}

/**
 * Lets modules import functions from modules of chunks that load later: they get functions that
 * load the module and call it. An import of anything but a function is an error of the build.
 * @param compiled the folder of the modules
 * @param chunkOf returns the chunk of a file; undefined for one that loads everything at once
 */
export function lateFunctions(compiled, chunkOf) {
  const nameOf = (file) => path.relative(compiled, file).replaceAll('\\', '/').replace(/\.js$/, '');
  return {
    name: 'late-functions',
    resolveId(name, importer) {
      if (!importer || !name.startsWith('.')) return null;
      const time = order.indexOf(chunkOf(importer));
      const file = path.resolve(path.dirname(importer), name);
      const isLate = time >= 0 && order.indexOf(chunkByTime(nameOf(file))) > time;
      return isLate ? { id: prefix + file, moduleSideEffects: false } : null;
    },
    async load(id) {
      if (!isForLate(id)) return null;
      const file = id.slice(prefix.length);
      const { ast } = await this.load({ id: file });
      const functions = ast.body
        .filter(({ type }) => type === 'ExportNamedDeclaration')
        .map(({ declaration }) => declaration)
        .filter((declaration) => declaration?.type === 'FunctionDeclaration');
      return [
        'const { apply } = Reflect;',
        'let loaded;',
        `const load = () => (loaded ??= requireLate(import(${JSON.stringify(file)})));`,
        ...functions.map(forwardingTo),
      ].join('\n');
    },
    renderChunk(code, { name }) {
      const changed = code.replace(
        dynamicImport,
        (_, chunk, member = '') => `lateChunks.${chunk}()${member.slice(1)}`,
      );
      if (changed.includes('requireLate(')) throw new Error('A late import has another form');
      return { code: withLateChunks(changed, name), map: null };
    },
  };
}
