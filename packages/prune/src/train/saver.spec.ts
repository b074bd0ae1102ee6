import { performance } from 'node:perf_hooks';
import { float32 } from '@neuroprune/onnx';
import { expect, onTestFinished, test, vi } from 'vitest';
import { temporaryFolder } from '../../test/models.js';
import type { WritePoint } from '../checkpoint/folder.js';
import type { CheckpointOptions } from './request.js';
import { Saver } from './saver.js';

/** A saver of a run of 40 steps, 10 an epoch, and its clock in seconds. */
function saverAt(options: Partial<CheckpointOptions> = {}) {
  const clock = vi.spyOn(performance, 'now').mockReturnValue(0);
  onTestFinished(() => clock.mockRestore());
  const plan = { steps: 40, epochSteps: 10 };
  const saver = new Saver({ dir: 'none', ...options }, plan, { onEvent: () => {}, at: () => {} });
  return { saver, wait: (seconds: number) => clock.mockReturnValue(1000 * seconds) };
}

test.each<[what: string, options: Partial<CheckpointOptions>, seconds: number, step: number, due: boolean]>([
  ['before five minutes', {}, 299, 7, false],
  ['after five minutes', {}, 300, 7, true],
  ['an epoch ends after half of the time', {}, 150, 20, true],
  ['an epoch ends before', {}, 149, 20, false],
  ['another time', { every: { seconds: 8 } }, 8, 7, true],
  ['the last step, whatever the time', {}, 0, 40, true],
  ['steps, whatever the time', { every: { steps: 7 } }, 9999, 20, false],
  ['a multiple of the steps', { every: { steps: 7 } }, 0, 21, true],
  ['the last step is no multiple', { every: { steps: 7 } }, 0, 40, true],
])('due: %s', (_, options, seconds, step, due) => {
  const { saver, wait } = saverAt(options);
  wait(seconds);
  expect(saver.due(step)).toBe(due);
});

test('what a run goes on from is not due again', () => {
  const { saver } = saverAt({ every: { steps: 7 } });
  saver.resumed(21);
  expect([21, 28].map((step) => saver.due(step))).toEqual([false, true]);
});

test('chunks end where a checkpoint may be due', () => {
  expect(saverAt().saver.stops).toEqual([10, 20, 30, 40]);
  expect(saverAt({ every: { steps: 12 } }).saver.stops).toEqual([12, 24, 36]);
});

test('a checkpoint is written beside what follows, one at a time', async () => {
  const said: (string | number)[] = [];
  const context = {
    onEvent: ({ step }: { step: number }) => said.push(step),
    at: (point: WritePoint) => said.push(point),
  };
  const saver = new Saver({ dir: await temporaryFolder() }, { steps: 40, epochSteps: 10 }, context);
  const tensors = new Map([['w', float32(new Float32Array(1000), [1000])]]);
  await saver.save({ step: 1, tensors, progress: {} });
  said.push('goes on');
  expect(saver.newest).toBe(1);
  await saver.save({ step: 2, tensors, progress: {} });
  said.push('goes on');
  await saver.settle();
  const one = ['checkpoint-write', 'checkpoint-rename'];
  expect(said).toEqual(['goes on', ...one, 1, 'goes on', ...one, 2]);
});

test('what went wrong in writing is thrown when the run asks next', async () => {
  const fail = () => {
    throw new Error('no');
  };
  const saver = new Saver(
    { dir: await temporaryFolder() },
    { steps: 4, epochSteps: 4 },
    { onEvent: () => {}, at: fail },
  );
  await saver.save({ step: 1, tensors: new Map(), progress: {} });
  await saver.idle();
  expect(() => saver.check()).toThrow('no');
  await expect(saver.settle()).rejects.toThrow('no');
});
