import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { convert, evaluate, prune } from './api.js';
import { NeuropruneError } from './error.js';
import type { RunEvent } from './events.js';
import { errorOf, plainError } from './job-protocol.js';

const model = path.resolve(import.meta.dirname, '../../../fixtures/hub/models/neuroprune/bert-micro-uncased');
let cwd = '';
let train = {} as Parameters<typeof prune>[0];
beforeAll(async () => {
  cwd = await mkdtemp(path.join(os.tmpdir(), 'job-'));
  const lines = Array.from({ length: 32 }, (_, i) => `a ${i % 2 ? 'good' : 'bad'} film,${i % 2}\n`);
  await mkdir(path.join(cwd, 'data'));
  for (const split of ['train', 'validation'])
    await writeFile(path.join(cwd, `data/${split}.csv`), `text,label\n${lines.join('')}`);
  train = { model, dataset: 'data', method: 'dense', epochs: 50, checkpointEvery: '1', offline: true, threads: 1 };
});
afterAll(() => rm(cwd, { recursive: true }));

test('an abort in the middle of training ends a call with its reason, and leaves a run that can go on', async () => {
  const [stop, reason] = [new AbortController(), new Error('enough')];
  const seen: string[] = [];
  const onEvent = (event: RunEvent) => {
    seen.push(event.type);
    if (event.type === 'train') stop.abort(reason);
  };
  const call = prune({ ...train, out: 'a' }, { cwd, env: {}, signal: stop.signal, onEvent });
  await expect(call).rejects.toBe(reason);
  expect(seen.at(-1)).toBe('resumable');
  expect((await readdir(path.join(cwd, 'a/checkpoints'))).length).toBeGreaterThan(0);
});

const stages = ['fetch', 'prepare', 'train dense', 'compact', 'prove', 'evaluate', 'latency'];

test.each(stages)('an abort in the stage %s ends a call there, or before the next stage is done', async (stage) => {
  const [stop, reason] = [new AbortController(), new Error('enough')];
  const seen: string[] = [];
  let steps = 0;
  const onEvent = (event: RunEvent) => {
    if (event.type === 'train') steps = event.step;
    if (event.type !== 'stage') return;
    seen.push(event.stage);
    if (event.stage === stage) stop.abort(reason);
  };
  const options = { ...train, epochs: 20, out: `at-${stage}` };
  await expect(prune(options, { cwd, env: {}, signal: stop.signal, onEvent })).rejects.toBe(reason);
  expect(seen.slice(seen.indexOf(stage)).length).toBeLessThanOrEqual(2);
  if (stage === 'train dense') expect(steps).toBeLessThan(20);
});

test('what a listener throws ends the call', async () => {
  const error = new Error('the listener broke');
  const onEvent = ({ type }: RunEvent) => {
    if (type === 'train') throw error;
  };
  await expect(prune({ ...train, out: 'b' }, { cwd, env: {}, onEvent })).rejects.toBe(error);
});

test('calls side by side each have their own events and results', async () => {
  const told = { one: [] as RunEvent[], two: [] as RunEvent[] };
  const call = (out: 'one' | 'two', given: string) =>
    convert({ model: given, out }, { cwd, env: {}, onEvent: (event) => told[out].push(event) });
  const [one, two] = await Promise.allSettled([call('one', model), call('two', path.join(cwd, 'none'))]);
  expect(one).toMatchObject({ status: 'fulfilled', value: { files: ['one/onnx/model.onnx'] } });
  expect(two).toMatchObject({ status: 'rejected', reason: { kind: 'input' } });
  const named = (events: RunEvent[]) => events.flatMap((event) => (event.type === 'stage' ? [event.stage] : []));
  expect(named(told.one)).toEqual(['fetch', 'convert']);
  expect(named(told.two)).not.toContain('convert');
});

test('an input that is no data is refused', async () => {
  const given = { model, task: () => 'sst2' } as unknown as Parameters<typeof evaluate>[0];
  await expect(evaluate(given, { cwd, env: {} })).rejects.toMatchObject({
    kind: 'input',
    message: expect.stringContaining('options: expected plain data'),
  });
});

test('an error is the same on the other side: kind, result, code, stack and causes', () => {
  const system = Object.assign(new Error('no space'), { code: 'ENOSPC' });
  const error = new NeuropruneError('job', 'it broke', { cause: system, result: { a: 1 } });
  const back = errorOf(structuredClone(plainError(error)));
  expect(back).toBeInstanceOf(NeuropruneError);
  expect(back).toMatchObject({ kind: 'job', message: 'it broke', result: { a: 1 }, stack: error.stack });
  expect(back.cause).toMatchObject({ message: 'no space', code: 'ENOSPC' });
  expect(errorOf(plainError('thrown text'))).toMatchObject({ message: 'thrown text' });
});
