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

/** Bytes of `{"step":1}` with its end of line. */
const LINE = 11;

test.each<[what: string, before: string, bytes: number | undefined, expected: string[]]>([
  ['what came after the checkpoint did not come to pass', '{"step":1}\n{"step":2}\n', LINE, ['1', 'warning', 'more']],
  ['a line cut short is dropped', '{"step":1}\n{"st', LINE + 4, ['1', 'warning', 'more']],
  ['one cut short in the middle of what was kept too', '{"step":1}\n{"st', 5 * LINE, ['1', 'warning', 'more']],
  ['a shorter one than it was stays whole', '{"step":1}\n{"step":2}\n', 5 * LINE, ['1', '2', 'warning', 'more']],
  ['all of it, where nothing is said', '{"step":1}\n{"step":2}\n', undefined, ['1', '2', 'warning', 'more']],
  ['from the start, with the stages before', '{"step":1}\n', 0, ['fetch', 'note', 'warning', 'more']],
])('a log that goes on: %s', async (_, before, bytes, expected) => {
  const { parent } = await place();
  await writeFile(path.join(parent, EVENTS), before);
  const log = new EventLog();
  log.write(stage('fetch'));
  log.write({ type: 'note' });
  log.write({ type: 'warning' });
  log.resume(parent, bytes);
  log.write({ type: 'more' });
  const said = (await lines(parent)).slice(0, -1).map((line) => JSON.parse(line));
  expect(said.map((event) => String(event.step ?? event.stage ?? event.type))).toEqual(expected);
});

test('the log knows the stages that held', async () => {
  const { parent } = await place();
  const log = new EventLog();
  log.open(parent);
  expect(log.has('report')).toBe(false);
  log.write({ ...stage('report'), seconds: 1 });
  expect(log.has('report')).toBe(true);
});

test('a log that cannot be written says so', async () => {
  const { parent } = await place();
  const log = new EventLog();
  expect(() => log.open(path.join(parent, 'missing')) ?? log.write({ a: 1 })).toThrow(
    /events\.ndjson: expected to add an event, got ENOENT/,
  );
});
