// Which code of the package loads late: when one of its functions is first called. Used by
// build-ts.mjs.
import * as path from 'node:path';

/**
 * The modules of each late chunk: rooms of lib/, or single modules. Loading takes a descriptor, so
 * what works without one, such as a removal or a transfer of an open file, is not among them.
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

/** The late chunk of a module of lib/, named without its extension; undefined for others. */
export function lateChunkOf(name) {
  if (needed.includes(name)) return undefined;
  const [room] = name.split('/');
  return Object.keys(lateChunks).find(
    (chunk) => lateChunks[chunk].includes(room) || lateChunks[chunk].includes(name),
  );
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

const requireCore = "var core = require('./core.cjs');\n";
const givenChunks = Object.keys(lateChunks)
  .map((name) => `core.lateChunks.${name} ??= () => require('./${name}.cjs');\n`)
  .join('');

/**
 * Lets chunks that load the core tell it how late chunks load. If the core required them itself,
 * while they require the core, bundlers would warn of a circle.
 */
function withLateChunks(code, name) {
  if (name === 'core') {
    const own = 'const lateChunks = {};\nexports.lateChunks = lateChunks;\n';
    return code.replace("'use strict';\n", (strict) => strict + own);
  }
  return name in lateChunks ? code : code.replace(requireCore, (line) => line + givenChunks);
}

function forwardingTo({ id, params, async: isAsync }) {
  const first = params.findIndex(({ type }) => type !== 'Identifier');
  const count = first < 0 ? params.length : first;
  const names = [...Array(count).keys()].map((index) => `a${index}`);
  const given = [...names, '...rest'].join(', ');
  const call = `return load().${id.name}(${given});`;
  // A module may fail to load, for lack of a descriptor.
  const body = isAsync ? `try { ${call} } catch (error) { return Promise.reject(error); }` : call;
  return `export function ${id.name}(${given}) { ${body} }`;
}

/**
 * Lets modules that load early import functions from late modules: they get functions that load the
 * module and call it. An import of anything but a function is an error of the build.
 * @param compiled the folder of the modules
 * @param loadsEarly whether the module with a file loads early, at least earlier than streams
 */
export function lateFunctions(compiled, loadsEarly) {
  const nameOf = (file) => path.relative(compiled, file).replaceAll('\\', '/').replace(/\.js$/, '');
  return {
    name: 'late-functions',
    resolveId(name, importer) {
      if (!importer || !name.startsWith('.') || !loadsEarly(importer)) return null;
      const file = path.resolve(path.dirname(importer), name);
      const chunk = lateChunkOf(nameOf(file));
      if (chunk === undefined || chunk === lateChunkOf(nameOf(importer))) return null;
      return { id: prefix + file, moduleSideEffects: false };
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
