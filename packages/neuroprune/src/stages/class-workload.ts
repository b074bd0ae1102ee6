import path from 'node:path';
import {
  type EncodedRows,
  epochBatches,
  evaluationBatches,
  outputCount,
  packedBatches,
  packLength,
  rowLengths,
  type Task,
  writePredictions,
} from '@neuroprune/evaluate';
import { buildModel, type LoadedModel } from '@neuroprune/models';
import { int64, type Tensor } from '@neuroprune/onnx';
import { belowChance } from './chance.js';
import type { Split } from './prepare.js';
import type { Recipe } from './recipe.js';
import { writeSample } from './sample.js';
import { ONNX } from './save.js';
import { score } from './score.js';
import { variantFile } from './variants.js';
import type { Steps, TimedInputs, Workload } from './workload.js';

/** Rows with classes or scores. */
export interface ClassRows {
  readonly task: Task;
  readonly loaded: LoadedModel;
  readonly train: EncodedRows;
  readonly validation: EncodedRows;
  readonly watched?: { readonly rows: EncodedRows; readonly split: Split } | undefined;
  readonly splits: { readonly validation: Split };
  readonly maxLength: number;
}

/** What a run does with rows that have classes or scores. */
export function classWorkload(data: ClassRows): Workload {
  const { task, loaded, train, validation, watched, splits, maxLength } = data;
  const split = { validation: { rows: validation, split: splits.validation }, watched };
  return {
    rows: { train: train.rows.length, validation: validation.rows.length },
    longest: rowLengths(train).reduce((longest, tokens) => Math.max(longest, tokens), 0),
    outputs: outputCount(task),
    steps: (recipe) => stepsOf(data, recipe),
    async score(model, which, context, session) {
      const { rows, split: of } = split[which] as NonNullable<ClassRows['watched']>;
      const scored = await score(model, task, rows, context, { ...session, split: of.name });
      return {
        ...scored,
        main: scored.metrics[task.mainMetric] ?? Number.NaN,
        warning: belowChance(task, scored.predictions, loaded.config),
      };
    },
    async evaluate(folder, context, session) {
      const file = path.join(folder, 'model', ONNX);
      const scored = await score(file, task, validation, context, { ...session, split: splits.validation.name });
      const { predictions } = scored;
      await writePredictions(path.join(folder, 'predictions', `${task.name}.ndjson`), predictions);
      await writeSample(folder, task, splits.validation, validation, predictions, maxLength);
      return { ...scored, warning: belowChance(task, predictions, loaded.config) };
    },
    scoreVariant: (folder, dtype, context, session) =>
      score(path.join(folder, 'model', variantFile(ONNX, dtype)), task, validation, context, {
        ...session,
        split: splits.validation.name,
      }),
    proofBatches: (batchSize) => Array.from(evaluationBatches(validation, batchSize), ({ batch }) => batch),
    graphs: ({ model }) => new Map([[ONNX, model]]),
    timed: () => timedRows(validation),
  };
}

/** The graph that is trained and its batches: a row each, or several in a sequence. */
function stepsOf({ loaded, train: rows }: ClassRows, { batchSize, seed, packing }: Recipe): Steps {
  const loss = lossOf(rows.regression);
  if (!packing) {
    return { loss, model: loaded.model, batches: (epoch) => epochBatches(rows, { batchSize, seed, epoch }) };
  }
  const length = packLength(rows, batchSize);
  const { config, tensors, head } = loaded;
  return {
    loss,
    packing: length,
    model: buildModel({ config, tensors, labels: head.numLabels, packing: length }).model,
    batches: (epoch) => packedBatches(rows, { batchSize, seed, epoch, length }),
  };
}

/** The loss of classes or of scores. */
export const lossOf = (regression: boolean): 'crossEntropy' | 'meanSquaredError' =>
  regression ? 'meanSquaredError' : 'crossEntropy';

/** Rows as long as all but the longest twentieth, rounded up to a multiple of 8. */
function timedRows(rows: EncodedRows): TimedInputs {
  const lengths = rowLengths(rows).sort();
  const length = usualLength(lengths);
  return { length, inputs: (batch) => inputsOf(rows, batch, length) };
}

/** The length of all but the longest twentieth of some, rounded up to a multiple of 8. */
export const usualLength = (sorted: ArrayLike<number>): number =>
  Math.ceil((sorted[Math.floor(0.95 * (sorted.length - 1))] ?? 8) / 8) * 8;

/** Rows of the split, repeated or cut to the length: no padding, so that every token is work. */
function inputsOf({ rows }: EncodedRows, batch: number, length: number): Map<string, Tensor> {
  const token = (i: number): number => {
    const ids = rows.at(Math.floor(i / length) % rows.length)?.inputIds ?? [0];
    return ids[(i % length) % ids.length] ?? 0;
  };
  const column = (value: (i: number) => number): Tensor =>
    int64(
      Array.from({ length: batch * length }, (_, i) => value(i)),
      [batch, length],
    );
  return new Map([
    ['input_ids', column(token)],
    ['attention_mask', column(() => 1)],
    ['token_type_ids', column(() => 0)],
  ]);
}
