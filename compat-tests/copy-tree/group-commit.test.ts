import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import type { CopiedFile } from '../../lib/copy/tree/copy-small-file.js';
import { GroupCommit } from '../../lib/copy/tree/group-commit.js';
import type { Task } from '../../lib/copy/tree/tree-plan.js';
import { TreeRehearsal } from '../../lib/copy/tree/tree-rehearsal.js';
import { copyTree } from '../../lib/index.js';
import { isLinux, rejection, testWhere } from '../helpers.js';
import { folderOf, namesIn, newPlace } from './trees.js';

/** Actions whose syncs end as the test says. */
class ScriptedActions extends TreeRehearsal {
  readonly syncs: { resolve: () => void; reject: (error: Error) => void }[] = [];
  onSync = (): void => {};

  override sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.syncs.push({ resolve, reject });
      this.onSync();
    });
  }
}

function taskFor(place: string): Task {
  return { entry: { place } as unknown as Task['entry'], there: undefined };
}

function copied(bytes = 1): CopiedFile {
  return { bytes, metadataRefused: [], changed: false, fallbacks: [], unnamed: 'x' };
}

const groupBytes = 128 * 1024 * 1024;

function scripted() {
  const actions = new ScriptedActions();
  const named: string[] = [];
  const failed: string[] = [];
  const commit = new GroupCommit(actions, 4, {
    onNamed: ({ entry }) => named.push(entry.place),
    onFailed: ({ entry }) => failed.push(entry.place),
  });
  return { actions, commit, named, failed };
}

test('a failed sync fails every file that was begun before it returned', async () => {
  const { actions, commit, named, failed } = scripted();
  await commit.add(taskFor('group'), copied(groupBytes), commit.begin());
  expect(actions.syncs).toHaveLength(1);
  await commit.add(taskFor('waiting'), copied(), commit.begin());
  const begunBefore = commit.begin();
  actions.syncs[0]?.reject(new Error('EIO'));
  actions.onSync = () => actions.syncs.at(-1)?.resolve();
  await commit.flush();
  await commit.add(taskFor('in progress'), copied(), begunBefore);
  await commit.add(taskFor('later'), copied(), commit.begin());
  await commit.flush();
  expect(failed).toEqual(['group', 'waiting', 'in progress']);
  expect(named).toEqual(['later']);
});

test('waiting files get their names though no other file is added', async () => {
  const { actions, commit, named } = scripted();
  const begins = new Promise<void>((resolve) => {
    actions.onSync = resolve;
  });
  await commit.add(taskFor('small'), copied(), commit.begin());
  // Without a timer, this would wait until the test times out.
  await begins;
  actions.syncs[0]?.resolve();
  await commit.flush();
  expect(named).toEqual(['small']);
});

test.each([true, false])('an onChange that throws removes no file, atomic: %s', async (atomic) => {
  const source = folderOf({ small: 's', large: Buffer.alloc(1 << 20, 'l') });
  const to = newPlace();
  const thrown = new Error('of the caller');
  const onChange = ({ path: name }: { path: string }): void => {
    if (name !== '.') throw thrown;
  };
  expect(await rejection(copyTree(source, to, { atomic, onChange, concurrency: 1 }))).toBe(thrown);
  const whole = namesIn(to).filter((name) => {
    return fs.readFileSync(path.join(to, name)).equals(fs.readFileSync(path.join(source, name)));
  });
  expect(whole).toEqual(namesIn(to));
  expect(whole.length).toBeGreaterThan(0);
});

test('an onError that throws rejects the call, and leaves no rejection unhandled', async () => {
  const { actions } = scripted();
  const thrown = new Error('of the caller');
  const commit = new GroupCommit(actions, 4, {
    onNamed: () => {},
    onFailed: () => {
      throw thrown;
    },
  });
  await commit.add(taskFor('group'), copied(groupBytes), commit.begin());
  actions.syncs[0]?.reject(new Error('EIO'));
  // An unhandled rejection would fail the run.
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(await rejection(commit.flush())).toBe(thrown);
  await commit.flush();
});

testWhere(isLinux, 'other systems have no commit of groups')(
  'a file that is written in place gets its time only when it is durable',
  async () => {
    const source = folderOf({ large: Buffer.alloc(1 << 20, 'l') });
    fs.utimesSync(path.join(source, 'large'), 1_500_000_000, 1_500_000_000.5);
    const to = newPlace();
    const times: number[] = [];
    const onProgress = ({ files }: { files: number }): void => {
      if (files === 1) times.push(fs.statSync(path.join(to, 'large')).mtimeMs);
    };
    const report = await copyTree(source, to, { atomic: false, onProgress });
    expect(report).toMatchObject({ files: 1, errors: [], metadataRefused: [] });
    expect(times).toHaveLength(1);
    expect(times[0]).toBeGreaterThan(1_500_000_000_500);
    expect(fs.statSync(path.join(to, 'large')).mtimeMs).toBe(1_500_000_000_500);
    expect(await copyTree(source, to, { atomic: false })).toMatchObject({ files: 0, unchanged: 1 });
  },
);

test('an onProgress that throws leaves no temporary file', async () => {
  const source = folderOf({ a: 'a', b: 'b' });
  const to = newPlace();
  const onProgress = ({ bytes }: { bytes: number }): void => {
    if (bytes > 0) throw new Error('of the caller');
  };
  await copyTree(source, to, { onProgress }).catch(() => {});
  expect(namesIn(to).filter((name) => name.includes('.tmp'))).toEqual([]);
});
