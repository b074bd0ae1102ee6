import type { Batch } from '@neuroprune/runtime';
import { describe, expect, it } from 'vitest';
import { rowsOfLengths } from '../test/shared.js';
import type { EncodedRows } from './encode.js';
import { type Predict, type ScoreEvent, scoreTask, taskMetrics } from './evaluate.js';
import { signature } from './metrics/signature.js';
import { tasks } from './tasks.js';

// First token of a row is 1000 · id + 1, so a stub can answer by row.
const idsOf = (batch: Batch): number[] =>
  Array.from({ length: batch.rows }, (_, i) => (batch.inputs.input_ids![i * batch.length]! - 1) / 1000);

const answers =
  (logits: (id: number) => number[]): Predict =>
  async (batch) =>
    Float32Array.from(idsOf(batch).flatMap(logits));

const labelled = (labels: number[], lengths: number[], regression = false): EncodedRows => {
  const set = rowsOfLengths(lengths, regression);
  return { ...set, rows: set.rows.map((row, i) => ({ ...row, id: 100 + i, label: labels[i]! })) };
};

describe('scoreTask', () => {
  it('scores classes by the largest logit, rows in their own order', async () => {
    const set = labelled([1, 0, 1, 1], [9, 3, 6, 2]);
    const logits = [
      [0, 2],
      [1, -1],
      [3, 1],
      [-2, -1],
    ];
    const score = await scoreTask(
      tasks.mrpc,
      answers((id) => logits[id]!),
      set,
      { batchSize: 3 },
    );
    expect(score).toEqual({
      task: 'mrpc',
      split: 'validation',
      examples: 4,
      metrics: { accuracy: 0.75, f1: 0.8 },
      signatures: { accuracy: signature({}), f1: signature({ average: 'binary' }) },
      predictions: [
        { id: 100, label: 1, prediction: 1, logits: [0, 2] },
        { id: 101, label: 0, prediction: 0, logits: [1, -1] },
        { id: 102, label: 1, prediction: 0, logits: [3, 1] },
        { id: 103, label: 1, prediction: 1, logits: [-2, -1] },
      ],
    });
  });

  it('scores a regression by its raw score', async () => {
    const set = labelled([0, 1.5, 5, 3], [5, 4, 3, 2], true);
    const { metrics, predictions } = await scoreTask(
      tasks.stsb,
      answers((id) => [[0.25, 1, 9, 2][id]!]),
      set,
    );
    expect(predictions.map((row) => row.prediction)).toEqual([0.25, 1, 9, 2]);
    expect(metrics.spearmanr).toBeCloseTo(1, 12);
    expect(metrics.pearson).toBeGreaterThan(0.9);
  });

  it('takes three classes, equal logits for the first, and names the matched split of mnli', async () => {
    const score = await scoreTask(
      tasks.mnli,
      answers((id) => (id === 0 ? [1, 1, 1] : [0, 1, 2])),
      labelled([0, 2], [3, 4]),
    );
    expect(score).toMatchObject({ split: 'validation_matched', metrics: { accuracy: 1 } });
  });

  it('averages F1, precision and recall over three classes alike', () => {
    const predictions = [0, 0, 1, 2].map((label, id) => ({ id, label, prediction: [0, 1, 1, 1][id]!, logits: [] }));
    const task = { ...tasks.mnli, metrics: ['f1', 'precision', 'recall'] } as const;
    const { f1, precision, recall } = taskMetrics(task, predictions);
    // Classes 0, 1 and 2: precision 1, 1/3 and none, recall 1/2, 1 and 0.
    expect([f1, precision, recall]).toEqual([2 / 3 / 3 + 1 / 2 / 3, 4 / 9, 1 / 2].map((x) => expect.closeTo(x, 12)));
  });

  it('tells how far it is', async () => {
    const events: ScoreEvent[] = [];
    const options = { batchSize: 2, split: 'train', onEvent: (event: ScoreEvent) => events.push(event) };
    await scoreTask(
      tasks.sst2,
      answers(() => [0, 1]),
      rowsOfLengths([2, 3, 4, 5, 6]),
      options,
    );
    expect(events.map((event) => event.done)).toEqual([2, 4, 5]);
    expect(events[0]).toEqual({ type: 'evaluate', task: 'sst2', split: 'train', done: 2, total: 5 });
  });

  it('stops between batches', async () => {
    const controller = new AbortController();
    const onEvent = () => controller.abort(new Error('enough'));
    const options = { batchSize: 1, signal: controller.signal, onEvent };
    let calls = 0;
    const predict: Predict = async () => Float32Array.of(++calls, 0);
    await expect(scoreTask(tasks.sst2, predict, rowsOfLengths([2, 3, 4]), options)).rejects.toThrow('enough');
    expect(calls).toBe(1);
  });

  it.each([
    ['a head of three classes', [0, 1, 2], 'input', /sst2: expected 2 logits a row, got 3/],
    ['a NaN', [Number.NaN, 0], 'job', /expected finite logits, got NaN/],
    ['an infinity', [0, Number.POSITIVE_INFINITY], 'job', /got Infinity/],
  ])('refuses %s', async (_, logits, kind, message) => {
    const scored = scoreTask(
      tasks.sst2,
      answers(() => logits),
      rowsOfLengths([2, 3]),
    );
    await expect(scored).rejects.toThrow(message);
    await expect(scored).rejects.toMatchObject({ kind });
  });

  it('gives NaN, not a number, for no rows', async () => {
    expect(
      (
        await scoreTask(
          tasks.sst2,
          answers(() => [0, 1]),
          rowsOfLengths([]),
        )
      ).metrics,
    ).toEqual({ accuracy: Number.NaN });
  });
});
