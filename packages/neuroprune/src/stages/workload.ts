import type { TaskScore } from '@neuroprune/evaluate';
import type { Model, Tensor } from '@neuroprune/onnx';
import type { BatchList, Compacted, TrainRequest } from '@neuroprune/prune';
import type { Batch, SessionOptions } from '@neuroprune/runtime';
import type { RunContext } from '../context.js';
import type { Dtype } from '../schema/dtype.js';
import type { Recipe } from './recipe.js';

/** The graph that is trained, its batches, and what is minimised. */
export interface Steps {
  readonly model: Model;
  readonly loss: TrainRequest['loss'];
  readonly batches: (epoch: number) => BatchList;
  /** Tokens of sequences that hold several rows. */
  readonly packing?: number;
}

/** Which rows are scored. */
export type ScoredSplit = 'validation' | 'watched';

/** What scoring a split came to. */
export type SplitScore = Pick<TaskScore, 'split' | 'examples' | 'metrics' | 'signatures'> & {
  /** Something that seems wrong with it. */
  readonly warning?: string | undefined;
};

/** How a model is timed. */
export interface TimedInputs {
  readonly length: number;
  /** Inputs of a batch of so many rows, without padding. */
  readonly inputs: (rows: number) => ReadonlyMap<string, Tensor>;
}

/** What of a run depends on whether rows have classes or scores, or are texts that a model learns to write. */
export interface Workload {
  /** Examples of both splits. */
  readonly rows: { readonly train: number; readonly validation: number };
  /** Tokens of the longest training example. */
  readonly longest: number;
  /** Numbers that a model gives for one. */
  readonly outputs: number;
  readonly steps: (recipe: Recipe) => Steps;
  /** Scores a graph in memory. */
  readonly score: (
    model: Model,
    split: ScoredSplit,
    context: RunContext,
    session: SessionOptions,
  ) => Promise<SplitScore & { readonly main: number }>;
  /** Scores what is published in the folder of a run, and keeps there what it said. */
  readonly evaluate: (folder: string, context: RunContext, session: SessionOptions) => Promise<SplitScore>;
  /** Scores what the model of a folder writes, and keeps it in the run folder `keep` where one is named; absent where nothing is written. */
  readonly write?: (folder: string, context: RunContext, session: SessionOptions, keep?: string) => Promise<SplitScore>;
  /** Scores the published files of a precision. */
  readonly scoreVariant: (
    folder: string,
    dtype: Dtype,
    context: RunContext,
    session: SessionOptions,
  ) => Promise<SplitScore>;
  /** The validation rows, for the proof. */
  readonly proofBatches: (batchSize: number) => Batch[];
  /** The inference graphs that are published, by their path in the folder. */
  readonly graphs: (compacted: Pick<Compacted, 'model' | 'structure' | 'tensors'>) => ReadonlyMap<string, Model>;
  readonly timed: () => TimedInputs;
}
