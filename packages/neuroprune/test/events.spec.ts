/** Events of a whole run, who else reads them, and the guards that speak by them. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type LocalHub, startLocalHub } from '@neuroprune/local-hub';
import { isLogEvent, type LogEvent, parseEvents, parseLog } from '@neuroprune/report';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunEvent } from '../src/events.js';
import { readRecords } from '../src/tensorboard/record.js';
import { fixtures, neuroprune, TOKEN, temporary, type Watch } from './command.js';

const model = 'neuroprune/bert-micro-uncased';
const job = `prune ${model} --task sst2 --batch-size 16 --threads 2 --lr 4e-4 --sparsity 0.5`;
let folder = '';
let hub: LocalHub;
let remove = async (): Promise<void> => {};

const call = (line: string, onStderr?: Watch) =>
  neuroprune(line.split(' '), {
    cwd: folder,
    ...(onStderr ? { onStderr } : {}),
    env: { HF_ENDPOINT: hub.url, HF_TOKEN: TOKEN, HF_HOME: path.join(folder, 'home') },
  });
const logOf = (run: string) => readFile(path.join(folder, run, 'events.ndjson'), 'utf8');
const lines = <T>(text: string): T[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

/** What `--events` printed of the run that the tests look at. */
let told: RunEvent[] = [];
beforeAll(async () => {
  ({ folder, remove } = await temporary());
  hub = await startLocalHub({ root: path.join(folder, 'hub'), token: TOKEN, seed: fixtures });
  const { code, stdout, stderr } = await call(
    `${job} --max-steps 40 --baseline dense --tensorboard --events --out runs/a`,
  );
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  told = lines(stdout);
}, 300_000);

afterAll(async () => {
  await hub.close();
  await remove();
});

test('every line of the log fits the schema, and has its time', async () => {
  const text = await logOf('runs/a');
  const events = parseLog(text);
  expect(events).toHaveLength(text.trimEnd().split('\n').length);
  expect(new Set(events.map(({ type }) => type))).toEqual(
    new Set(['stage', 'device', 'note', 'train', 'checkpoint', 'metrics']),
  );
  const times = events.map(({ time }) => time as number);
  expect([...times].sort((a, b) => a - b)).toEqual(times);
});

test('log and caller are told the same', async () => {
  const kept = lines<LogEvent>(await logOf('runs/a'))
    .filter(({ type }) => type !== 'stage')
    .map(({ time: _, ...event }) => event);
  expect(told.filter((event) => isLogEvent(event) && event.type !== 'stage')).toEqual(kept);
  expect(told.at(-1)).toMatchObject({ type: 'result', result: { run: 'runs/a' } });
  const others = new Set(told.map(({ type }) => type).filter((type) => !kept.some((event) => event.type === type)));
  expect(others).toEqual(new Set(['stage', 'snapshot', 'download', 'tokens', 'evaluate', 'result']));
});

test('the dense training is told apart, and curves are of the other', async () => {
  const text = await logOf('runs/a');
  const trained = parseLog(text).filter(({ type }) => type === 'train');
  const dense = trained.filter(({ run }) => run === 'baseline');
  expect(dense.at(-1)).toMatchObject({ step: 40, sparsity: 0 });
  expect(parseEvents(text)).toHaveLength(trained.length - dense.length);
  expect(parseEvents(text).at(-1)).toMatchObject({ step: 40, sparsity: expect.closeTo(0.5, 3) });
  const metrics = parseLog(text).filter(({ type }) => type === 'metrics');
  expect(metrics.map(({ run }) => run)).toEqual(['baseline', undefined]);
});

test('event files have a record for each report of the training, and those of a start', async () => {
  const events = parseLog(await logOf('runs/a')).filter(({ type }) => type === 'train' || type === 'metrics');
  for (const run of ['train', 'baseline']) {
    const place = path.join(folder, 'runs/a/tensorboard', run);
    const [name, ...others] = await readdir(place);
    expect(others).toEqual([]);
    const of = events.filter((event) => (event.run ?? 'train') === run);
    expect(readRecords(await readFile(path.join(place, name as string)))).toHaveLength(2 + of.length);
  }
});

test('a model whose labels are the other way round is told of', async () => {
  const file = path.join(folder, 'runs/a/model/config.json');
  const before = await readFile(file, 'utf8');
  expect((await call('evaluate runs/a --task sst2 --no-cache')).stderr).not.toContain('warning');
  const config = JSON.parse(before);
  const flipped = { id2label: { 0: 'positive', 1: 'negative' }, label2id: { positive: 0, negative: 1 } };
  await writeFile(file, JSON.stringify({ ...config, ...flipped }));
  const { code, stderr } = await call('evaluate runs/a --task sst2 --no-cache');
  await writeFile(file, before);
  expect(code).toBe(0);
  expect(stderr).toMatch(
    /^warning: runs\/a: sst2: expected an accuracy of at least \d+\.\d %, which chance reaches, got [123]\d\.\d %/m,
  );
  expect(stderr).toContain("the model's id2label says 0 positive, 1 negative");
}, 60_000);

test('steps that are not finite end a run at once, or after many that were skipped', async () => {
  const line = `${job} --max-steps 60 --schedule constant --lr 1e30 --out runs/nan`.replace(' --lr 4e-4', '');
  const stopped = await call(line);
  expect(stopped.code).toBe(1);
  expect(stopped.stderr).toMatch(/expected a finite (loss|gradient), got .* at step [123] \(rows \d+, .* of the data/);
  const skipping = await call(`${line} --on-nan skip --events`);
  expect(skipping.code).toBe(1);
  expect(skipping.stderr).toMatch(/warning: step [23] skipped, for its loss is/);
  expect(skipping.stderr).toMatch(/at step 2[123] .*, the 20th step in a row that was skipped/);
  const skips = lines<RunEvent>(skipping.stdout).filter(({ type }) => type === 'skip');
  expect(skips.map((event) => event.type === 'skip' && event.inARow)).toEqual(
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
}, 60_000);

test('a second process is refused a run folder while the first lives', { timeout: 120_000 }, async () => {
  const line = `${job} --max-steps 4000 --checkpoint-every 5 --out runs/held`;
  let second: ReturnType<typeof call> | undefined;
  let pid = 0;
  const first = await call(line, (said, child) => {
    if (second || !/^train neuroprune/m.test(said)) return;
    pid = child.pid as number;
    second = call(`${line} --resume`);
    void second.then(() => child.kill('SIGKILL'));
  });
  expect(first.code).toBe(null);
  const { code, stderr } = (await second)!;
  expect(code).toBe(2);
  expect(stderr).toContain(`expected a run folder that no other process works in, got one with process ${pid}; wait`);
  const third = await call(`${line} --resume`, (said, child) => {
    if (!child.killed && /^(going on|train neuroprune)/m.test(said)) child.kill('SIGINT');
  });
  expect(third.code).toBe(130);
  expect((await readdir(path.join(folder, 'runs'))).filter((name) => name.includes('.lock.'))).toEqual([]);
});
