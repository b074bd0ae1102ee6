import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { EVENTS, EventLog } from './event-log.js';
import { CHECKPOINTS, inRunFolder, isResumable, RECIPE, RESULT } from './run-folder.js';

async function place(): Promise<{ parent: string; out: string }> {
  const parent = await mkdtemp(path.join(os.tmpdir(), 'run-folder-'));
  onTestFinished(() => rm(parent, { recursive: true }));
  return { parent, out: path.join(parent, 'runs', 'a') };
}

const write = (name: string) => async (draft: string) => writeFile(path.join(draft, name), name);

/** Leaves what a finished run has. */
const finish = async (folder: string) => {
  for (const name of [RECIPE, RESULT]) await write(name)(folder);
};

/** Leaves what a run has that was stopped after a checkpoint. */
const checkpoint = async (folder: string) => {
  await write(RECIPE)(folder);
  await mkdir(path.join(folder, CHECKPOINTS, '7'), { recursive: true });
};

const failing = (work: (folder: string) => Promise<void>) => async (folder: string) => {
  await work(folder);
  throw new Error('no');
};

test('work that is done stands in the place of an earlier run', async () => {
  const { out } = await place();
  await inRunFolder(out, finish);
  await inRunFolder(out, write('second'));
  expect(await readdir(out)).toEqual(['second']);
  expect(await readdir(path.dirname(out))).toEqual(['a']);
});

test('work that fails before a checkpoint leaves nothing, and an earlier run as it was', async () => {
  const { out } = await place();
  await expect(inRunFolder(out, failing(write(RECIPE)))).rejects.toThrow('no');
  expect(await readdir(path.dirname(out))).toEqual([]);
  await inRunFolder(out, finish);
  await expect(inRunFolder(out, failing(write('half')))).rejects.toThrow('no');
  expect(await readdir(out)).toEqual([RECIPE, RESULT]);
  expect(await readdir(path.dirname(out))).toEqual(['a']);
});

test('work that fails after a checkpoint stays, and goes on where it was; an earlier run is kept until it is done', async () => {
  const { out } = await place();
  await inRunFolder(out, finish);
  await expect(inRunFolder(out, failing(checkpoint))).rejects.toThrow('no');
  expect(await isResumable(out)).toBe(true);
  expect(await readdir(path.dirname(out))).toEqual(['.a.earlier', 'a']);
  const seen = inRunFolder(out, (folder) => readdir(folder), { resume: true });
  expect(await seen).toEqual([CHECKPOINTS, RECIPE]);
  expect(await readdir(path.dirname(out))).toEqual(['a']);
});

test('a run that was stopped is set aside by one that starts anew, and is gone when that is done', async () => {
  const { out } = await place();
  await expect(inRunFolder(out, failing(checkpoint))).rejects.toThrow('no');
  await inRunFolder(out, async (folder) => {
    expect(await readdir(folder)).toEqual([]);
    expect(await readdir(path.join(path.dirname(out), '.a.earlier'))).toEqual([CHECKPOINTS, RECIPE]);
    await finish(folder);
  });
  expect(await readdir(path.dirname(out))).toEqual(['a']);
});

test('of a finished and a stopped run, the finished one comes back', async () => {
  const { out } = await place();
  await inRunFolder(out, finish);
  for (const work of [checkpoint, write(RECIPE)]) await expect(inRunFolder(out, failing(work))).rejects.toThrow('no');
  expect(await readdir(out)).toEqual([RECIPE, RESULT]);
});

test('a file that was being written when its run was stopped does not keep the place', async () => {
  const { out } = await place();
  await mkdir(out, { recursive: true });
  await write(`.${RECIPE}.0123456789ab.tmp`)(out);
  await inRunFolder(out, write('second'));
  expect(await readdir(out)).toEqual(['second']);
});

test.each([
  [
    'a folder with other files',
    async (out: string) => void (await mkdir(path.join(out, 'photos'), { recursive: true })),
  ],
  [
    'a file',
    async (out: string) => {
      await mkdir(path.dirname(out));
      await writeFile(out, 'text');
    },
  ],
])('%s is refused before the work', async (_, make) => {
  const { out } = await place();
  await make(out);
  const work = inRunFolder(out, () => Promise.reject(new Error('worked')));
  await expect(work).rejects.toMatchObject({ kind: 'input', message: expect.stringContaining('expected a') });
});

const lines = async (folder: string) => (await readFile(path.join(folder, EVENTS), 'utf8')).split('\n');
const stage = (name: string) => ({ type: 'stage', stage: name });

test('the log keeps what comes before there is a folder', async () => {
  const { parent } = await place();
  const log = new EventLog();
  log.write(stage('fetch'));
  expect(log.bytes).toBe(0);
  log.open(parent);
  log.write(stage('train'));
  expect(await lines(parent)).toEqual(['{"type":"stage","stage":"fetch"}', '{"type":"stage","stage":"train"}', '']);
  expect(log.bytes).toBe(66);
});

test.each<[string, number, string, number, string[]]>([
  ['what came after the checkpoint did not come to pass', 1, '', 4, ['1', 'warning', 'more']],
  ['a line cut short is dropped', 2, '{"step":', 99, ['1', '2', 'warning', 'more']],
  ['all of a log shorter than it was stays', 2, '', 99, ['1', '2', 'warning', 'more']],
  ['from the start, with its own stages', 2, '', 0, ['fetch', 'warning', 'more']],
])('a log that goes on: %s', async (_, whole, torn, keep, expected) => {
  const { parent } = await place();
  const before = Array.from({ length: 3 }, (_, i) => `${JSON.stringify({ step: i + 1 })}\n`).slice(0, torn ? whole : 3);
  await writeFile(path.join(parent, EVENTS), `${before.join('')}${torn}`);
  const log = new EventLog();
  log.write(stage('fetch'));
  log.write({ type: 'warning' });
  log.resume(parent, keep === 99 ? 2 * before[0]!.length + (torn ? 99 : 3) : keep === 0 ? 0 : before[0]!.length + keep);
  log.write({ type: 'more' });
  const said = (await lines(parent)).slice(0, -1).map((line) => JSON.parse(line));
  expect(said.map((event) => String(event.step ?? event.stage ?? event.type))).toEqual(expected);
});

test('a log that cannot be written says so', async () => {
  const { parent } = await place();
  const log = new EventLog();
  expect(() => log.open(path.join(parent, 'missing')) ?? log.write({ a: 1 })).toThrow(
    /events\.ndjson: expected to add an event, got ENOENT/,
  );
});
