import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

// File operations of real programs. Each function does its work once. subject.mjs makes `input`;
// `output` is an empty folder. A server resolves to its port and works until it is told to end.

const lines = 20_000;

function treeFiles(input) {
  const names = fs.readdirSync(join(input, 'tree'), { recursive: true, withFileTypes: true });
  return names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

export const servers = {
  async express({ input }) {
    const { default: express } = await import('express');
    const server = express()
      .use(express.static(join(input, 'site')))
      .listen(0);
    await once(server, 'listening');
    return server.address().port;
  },
  async fastify({ input }) {
    const { default: fastify } = await import('fastify');
    const { default: fastifyStatic } = await import('@fastify/static');
    const app = fastify();
    app.register(fastifyStatic, { root: join(input, 'site') });
    await app.listen({ port: 0 });
    return app.server.address().port;
  },
  async 'http-server'({ input }) {
    const { default: httpServer } = await import('http-server');
    const server = httpServer.createServer({ root: join(input, 'site') });
    await new Promise((resolve) => server.listen(0, resolve));
    return server.server.address().port;
  },
};

const archives = {
  async 'tar, create'({ input, output }) {
    const tar = await import('tar');
    await tar.create({ cwd: input, file: join(output, 'made.tar') }, ['tree']);
  },
  async 'tar, extract'({ input, output }) {
    const tar = await import('tar');
    await tar.extract({ cwd: output, file: join(input, 'tree.tar') });
  },
  async archiver({ input, output }) {
    const { default: archiver } = await import('archiver');
    const archive = archiver('zip', { zlib: { level: 1 } });
    const file = fs.createWriteStream(join(output, 'made.zip'));
    archive.directory(join(input, 'tree'), false);
    await Promise.all([pipeline(archive, file), archive.finalize()]);
  },
  async yauzl({ input }) {
    const { default: yauzl } = await import('yauzl');
    const zip = await new Promise((resolve, reject) => {
      const done = (error, opened) => (error ? reject(error) : resolve(opened));
      yauzl.open(join(input, 'tree.zip'), { lazyEntries: true, autoClose: true }, done);
    });
    zip.readEntry();
    zip.on('entry', (entry) => {
      zip.openReadStream(entry, (error, stream) => {
        if (error) throw error;
        stream.on('end', () => zip.readEntry()).resume();
      });
    });
    await once(zip, 'end');
  },
  async 'extract-zip'({ input, output }) {
    const { default: extract } = await import('extract-zip');
    await extract(join(input, 'tree.zip'), { dir: output });
  },
  async unzipper({ input, output }) {
    const { default: unzipper } = await import('unzipper');
    const zip = await unzipper.Open.file(join(input, 'tree.zip'));
    await zip.extract({ path: output });
  },
};

const data = {
  async winston({ output }) {
    const { default: winston } = await import('winston');
    const file = new winston.transports.File({ filename: join(output, 'winston.log') });
    const logger = winston.createLogger({ transports: [file] });
    for (let i = 0; i < lines; i++) logger.info(`line ${i} of a log`, { i });
    logger.end();
    await once(file, 'finish');
  },
  async pino({ output }) {
    const { default: pino } = await import('pino');
    const file = pino.destination({ dest: join(output, 'pino.log'), sync: false });
    const logger = pino(file);
    for (let i = 0; i < 5 * lines; i++) {
      logger.info({ i }, `line ${i} of a log`);
      // A service logs in many turns of the event loop.
      if (i % 100 === 99) await new Promise(setImmediate);
    }
    file.end();
    await once(file, 'close');
  },
  async nedb({ output }) {
    const { default: Datastore } = await import('@seald-io/nedb');
    const store = new Datastore({ filename: join(output, 'store.db'), autoload: true });
    for (let i = 0; i < 1000; i++) await store.insertAsync({ i, text: `record ${i}` });
    await store.compactDatafileAsync();
  },
  async lowdb({ output }) {
    const { JSONFilePreset } = await import('lowdb/node');
    const store = await JSONFilePreset(join(output, 'store.json'), { records: [] });
    for (let i = 0; i < 1000; i++) await store.update(({ records }) => records.push({ i }));
  },
  async 'fs-extra'({ input, output }) {
    const { default: extra } = await import('fs-extra');
    await extra.copy(join(input, 'tree'), join(output, 'tree'));
    await extra.remove(join(output, 'tree'));
  },
  async globby({ input }) {
    const { globby } = await import('globby');
    // A tool asks for the files of each of its tasks.
    for (let task = 0; task < 10; task++) {
      const found = await globby('**/*.js', { cwd: input, gitignore: true, stats: true });
      if (found.length === 0) throw new Error('globby found nothing');
    }
  },
};

const tools = {
  async eslint({ input }) {
    const { ESLint } = await import('eslint');
    const rules = { 'no-undef': 'off', 'no-unused-vars': 'error' };
    const overrideConfig = [{ files: ['**/*.js'], rules }];
    const linter = new ESLint({ cwd: input, overrideConfigFile: true, overrideConfig });
    await linter.lintFiles(['project/**/*.js']);
  },
  async webpack({ input, output }) {
    const { default: webpack } = await import('webpack');
    const entry = join(input, 'project', 'index.js');
    const settings = { mode: 'development', devtool: false, entry, output: { path: output } };
    await new Promise((resolve, reject) => {
      const compiler = webpack(settings);
      compiler.run((error, stats) => {
        const failure = error ?? (stats.hasErrors() ? new Error(stats.toString()) : undefined);
        compiler.close(() => (failure ? reject(failure) : resolve()));
      });
    });
  },
  async prettier({ input, output }) {
    const prettier = await import('prettier');
    const folder = join(input, 'project');
    for (const name of (await fs.promises.readdir(folder)).slice(0, 60)) {
      const text = await fs.promises.readFile(join(folder, name), 'utf8');
      const formatted = await prettier.format(text, { parser: 'babel' });
      await fs.promises.writeFile(join(output, name), formatted);
    }
  },
  async rollup({ input, output }) {
    const { rollup } = await import('rollup');
    const bundle = await rollup({ input: join(input, 'project', 'index.js'), onwarn: () => {} });
    await bundle.write({ dir: output, format: 'es' });
    await bundle.close();
  },
  async gulp({ input, output }) {
    const { default: gulp } = await import('gulp');
    await pipeline(gulp.src('tree/**', { cwd: input }), gulp.dest(output)).catch((error) => {
      // A vinyl stream that nobody reads ends early for pipeline(), after all has been written.
      if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
    });
  },
};

const streams = {
  async 'read streams'({ input }) {
    for (const file of treeFiles(input)) for await (const _ of fs.createReadStream(file));
  },
  async 'hash a tree by streams'({ input }) {
    const { createHash } = await import('node:crypto');
    const hashOf = async (file) => {
      const hash = createHash('sha256');
      await pipeline(fs.createReadStream(file), hash);
      return hash.digest('hex');
    };
    const files = treeFiles(input);
    for (let i = 0; i < files.length; i += 8) await Promise.all(files.slice(i, i + 8).map(hashOf));
  },
  async 'readFile and writeFile'({ input, output }) {
    for (const [i, file] of treeFiles(input).entries()) {
      await fs.promises.writeFile(join(output, `f${i}`), await fs.promises.readFile(file));
    }
  },
};

export const programs = { ...archives, ...data, ...tools, ...streams };
