import {
  type FoundTextTask,
  type WritingRows,
  writingBatches,
  writingEvaluationBatches,
  writingLoss,
} from '@neuroprune/evaluate';
import { generationModels, type LoadedModel } from '@neuroprune/models';
import { int64, type Tensor } from '@neuroprune/onnx';
import { type Forward, inferenceGraph, openGraph, openPublished } from '@neuroprune/prune';
import type { RunContext } from '../context.js';
import { dtypeSuffixes } from '../schema/dtype.js';
import { usualLength } from './class-workload.js';
import type { Split } from './prepare.js';
import type { Recipe } from './recipe.js';
import { writeTextSample } from './sample.js';
import { ONNX } from './save.js';
import { tokenLosses } from './token-losses.js';
import type { SplitScore, TimedInputs, Workload } from './workload.js';
import { scoreWritten, WRITTEN_ROWS, writtenPath } from './written-texts.js';

/** Texts that a model learns to write. */
export interface TextRows {
  readonly task: FoundTextTask;
  readonly loaded: LoadedModel;
  readonly train: WritingRows;
  readonly validation: WritingRows;
  readonly watched?: { readonly rows: WritingRows; readonly split: Split } | undefined;
  readonly splits: { readonly validation: Split };
  readonly maxLength: number;
  /** What stands around each source. */
  readonly around?: Recipe['texts'];
  /** Validation rows for which the trained model writes. */
  readonly writeRows?: number | undefined;
}

/** Rows that are scored at once. */
const SCORED_AT_ONCE = 16;

/** Tokens that are written at once by a model that is timed. */
const TIMED_TARGET = 16;

/** What a run does with texts that a model learns to write; it is scored by the loss of their tokens. */
export function textWorkload(data: TextRows): Workload {
  const { task, loaded, train, validation, watched, splits } = data;
  const split = { validation: { rows: validation, split: splits.validation }, watched };
  const longest = longestOf(train);
  const vocabulary = Number(loaded.model.graph.outputs[0]?.shape?.at(-1) ?? 0);
  const { around, writeRows: rows = WRITTEN_ROWS } = data;
  const writes = task.kind === 'generation' && rows > 0 && { task, split: splits.validation, around, rows };
  const scored = async (forward: Forward, rows: WritingRows, of: Split, context: RunContext) => {
    await using model = forward;
    return await lossScore(model, { task, rows, split: of.name }, context); // before it is closed
  };
  return {
    rows: { train: train.rows.length, validation: validation.rows.length },
    longest,
    outputs: 2 * longest * vocabulary,
    steps: ({ batchSize, seed }) => ({
      loss: tokenLosses[loaded.task as keyof typeof tokenLosses],
      model: loaded.model,
      batches: (epoch) => writingBatches(train, { batchSize, seed, epoch }),
    }),
    async score(model, which, context, session) {
      const { rows, split: of } = split[which] as NonNullable<TextRows['watched']>;
      const result = await scored(await openGraph(model, session), rows, of, context);
      return { ...result, main: -(result.metrics.loss ?? Number.NaN) }; // more is better
    },
    async evaluate(folder, context, session) {
      await writeTextSample(folder, { task, split: splits.validation, around: data.around, maxLength: data.maxLength });
      const model = await openPublished(`${folder}/model`, session);
      return scored(model, validation, splits.validation, context);
    },
    ...(writes && {
      write: (folder, context, session, keep) =>
        scoreWritten(folder, writes, context, session, keep && writtenPath(keep, task)),
    }),
    async scoreVariant(folder, dtype, context, session) {
      const model = await openPublished(`${folder}/model`, { ...session, suffix: dtypeSuffixes[dtype] });
      return scored(model, validation, splits.validation, context);
    },
    proofBatches: (batchSize) => [...writingEvaluationBatches(validation, batchSize)],
    graphs({ model, structure, tensors }) {
      const writing = generationModels({ config: loaded.config, tensors, structure });
      if (!writing) return new Map([[ONNX, model]]);
      return new Map([...writing].map(([name, graph]) => [`onnx/${name}.onnx`, inferenceGraph(graph)]));
    },
    timed: () => timedTexts(validation),
  };
}

const longestOf = ({ rows, sizesOf }: WritingRows): number => {
  let longest = 0;
  for (let i = 0; i < rows.length; i++) {
    const [input, target] = sizesOf(i);
    longest = Math.max(longest, input + target);
  }
  return longest;
};

async function lossScore(
  model: Forward,
  { task, rows, split }: { readonly task: FoundTextTask; readonly rows: WritingRows; readonly split: string },
  { signal, onEvent }: RunContext,
): Promise<SplitScore> {
  const total = rows.rows.length;
  const { loss, perplexity, examples, signatures } = await writingLoss(
    (batch) => model.logits(batch),
    writingEvaluationBatches(rows, SCORED_AT_ONCE),
    (done) => {
      signal.throwIfAborted();
      onEvent({ type: 'evaluate', task: task.name, split, done, total });
    },
  );
  return { split, examples, metrics: { loss, perplexity }, signatures };
}

/** Inputs as long as all but the longest twentieth, and a part of a target. */
function timedTexts(set: WritingRows): TimedInputs {
  const sizes = Array.from({ length: set.rows.length }, (_, i) => set.sizesOf(i)[0]).sort((a, b) => a - b);
  const length = usualLength(sizes);
  const repeated = (from: Int32Array, rows: number, count: number): Tensor =>
    int64(
      Array.from({ length: rows * count }, (_, i) => from[(i % count) % from.length] ?? 0),
      [rows, count],
    );
  return {
    length,
    inputs: (rows) => {
      const { input, target } = set.rows.at(0)!;
      return new Map([
        ['input_ids', repeated(input, rows, length)],
        ['attention_mask', repeated(Int32Array.of(1), rows, length)],
        ...(target ? [['decoder_input_ids', repeated(target, rows, TIMED_TARGET)] as const] : []),
      ]);
    },
  };
}
