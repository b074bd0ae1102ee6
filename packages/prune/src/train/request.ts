import type { DistillOptions, Precision } from '@neuroprune/autodiff';
import type { PrunableGroups } from '@neuroprune/models';
import type { Model, Tensor } from '@neuroprune/onnx';
import type { Batch, SessionOptions } from '@neuroprune/runtime';
import type { WritePoint } from '../checkpoint/folder.js';
import type { HeadRemoval } from '../heads/eliminate.js';
import type { Method } from '../method.js';
import type { PrunePoint } from './pruner.js';
import type { Course } from './schedule.js';

/** The batches of an epoch by position; an array is one, and so is what makes a batch only when it is asked for. */
export interface BatchList {
  readonly length: number;
  readonly at: (index: number) => Batch | undefined;
}

/** Everything a training run needs; the same request on the same thread count gives the same bits on cpu. */
export interface TrainRequest {
  /** A forward graph with its `Dropout` nodes and start weights; left as it is. */
  readonly model: Model;
  /** Of classes, of scores, of each token's word, or of the word after each token. */
  readonly loss: 'crossEntropy' | 'meanSquaredError' | 'tokenCrossEntropy' | 'nextTokenCrossEntropy';
  /** What may be pruned, a layer each. */
  readonly groups: readonly PrunableGroups[];
  readonly method: Method;
  /** The batches of an epoch, counted from 0, one a step or `accumulate` of them; the same every time it is asked. */
  readonly batches: (epoch: number) => BatchList;
  /** Passes over the batches; a fraction ends inside the last. */
  readonly epochs: number;
  /** Ends the run earlier; the schedule and the ramp then span these steps. */
  readonly maxSteps?: number;
  /** The highest learning rate. */
  readonly lr: number;
  readonly schedule: Course;
  /** Share of the steps over which the rate rises. */
  readonly warmup: number;
  /** Decoupled weight decay of all parameters but norms and biases. */
  readonly weightDecay: number;
  /** Factor of the learning rate from each layer to the one before; the head has the whole rate, embeddings the least. */
  readonly layerDecay?: number;
  /** Largest norm of a step's gradient; a larger one is scaled down to it. */
  readonly maxGradNorm?: number;
  /** Batches that make a step together (1 by default), each with its share of the rows; an epoch's last step may have fewer. */
  readonly accumulate?: number;
  /** Part of a label that is spread over all classes. */
  readonly labelSmoothing?: number;
  /** Weight of each class in the loss. */
  readonly classWeights?: readonly number[];
  /** Parameters that stay as they are, by patterns in which `*` stands for anything. */
  readonly freeze?: readonly string[];
  /** Decay of moving averages of the weights, which then are what is scored and what comes out. */
  readonly ema?: number;
  readonly precision?: Precision;
  /** What is learnt from a teacher besides the labels, by the names of the model's values; goes with `teacher`. */
  readonly distill?: DistillOptions;
  /** A teacher's outputs for a batch by input name, the same every time it is asked. */
  readonly teacher?: (batch: Batch) => Promise<NonNullable<Batch['teacher']>>;
  /** When weights are scored, and what for; goes with `score`. */
  readonly watch?: WatchOptions;
  /** How good weights are, more being better; the same for the same weights. */
  readonly score?: (tensors: ReadonlyMap<string, Tensor>) => Promise<number>;
  readonly dropout: number;
  readonly seed: number;
  /** What becomes of a step whose loss or gradient is not finite: the end of the run (by default), or nothing, on to the next. */
  readonly onNan?: 'stop' | 'skip';
  readonly session?: SessionOptions;
  /** Length a row would be padded to without buckets, for the statement of tokens saved. */
  readonly maxLength: number;
}

/** When a run scores its weights, and what becomes of the scores; those before the method's targets are reached do not count. */
export interface WatchOptions {
  /** Steps between two scores; by default an epoch. The last step of the run is scored too. */
  readonly every?: number;
  /** Scores in a row without a better one after which the run ends. */
  readonly patience?: number;
  /** Whether the run ends with the weights of the best score instead of the last. */
  readonly keepBest?: boolean;
}

/** The state of a run after a chunk of steps. */
export interface TrainEvent {
  readonly type: 'train';
  /** Steps done, of all. */
  readonly step: number;
  readonly steps: number;
  /** Epochs done, with the fraction. */
  readonly epoch: number;
  /** Mean task loss over the chunk. */
  readonly loss: number;
  /** Mean of each penalty over the chunk, before its coefficient. */
  readonly penalties: Readonly<Record<string, number>>;
  readonly lr: number;
  /** Share of exact zeros in the prunable matrices. */
  readonly sparsity: number;
  readonly heads: number;
  /** Mean norm of the whole gradient over the chunk. */
  readonly gradNorm?: number;
  readonly examplesPerSecond: number;
}

/** What came out of a run. */
export interface TrainResult {
  /** Every parameter under its name, dense shapes, pruned weights exactly 0. */
  readonly tensors: Map<string, Tensor>;
  readonly steps: number;
  readonly seconds: number;
  /** Milliseconds a step: median of the first and of the last tenth of the chunks. */
  readonly stepMs: { readonly first: number; readonly last: number };
  /** Real tokens, tokens computed, and tokens had each row been padded to `maxLength`. */
  readonly tokens: number;
  readonly computedTokens: number;
  readonly paddedTokens: number;
  /** Heads that went, in order. */
  readonly removals: readonly HeadRemoval[];
  /** Mean task loss of the last chunk. */
  readonly loss: number;
  /** Steps that were skipped because loss or gradient was not finite. */
  readonly skipped: number;
  /** The best score that counted, where weights are scored. */
  readonly best?: { readonly step: number; readonly score: number };
  /** Whether the run ended before its last step, for its scores had not got better. */
  readonly stoppedEarly?: true;
}

/** A score of a run's weights. */
export interface ScoreEvent {
  readonly type: 'score';
  readonly step: number;
  readonly score: number;
  /** Whether the targets are reached, so that it counts. */
  readonly counts: boolean;
  /** Whether it is the best so far. */
  readonly best: boolean;
}

/** A run that ends before its last step, for its scores have not got better. */
export interface EarlyStopEvent {
  readonly type: 'earlyStop';
  readonly step: number;
  /** The step of the best score; absent where none was a number. */
  readonly best?: number;
}

/** When and where the exact state of a run is kept. */
export interface CheckpointOptions {
  /** Folder of the checkpoints, `<dir>/<step>/` each; a run that starts anew empties it of those of an earlier one. */
  readonly dir: string;
  /** Steps between two; or seconds, and at the end of an epoch where half of them have passed (default: 300 seconds). */
  readonly every?: { readonly steps: number } | { readonly seconds: number };
  /** How many stay, the newest (default: 2). */
  readonly keep?: number;
  /** Goes on from the newest checkpoint that is as it was written, where there is one. */
  readonly resume?: boolean;
  /** JSON of the caller's that belongs to the moment of a checkpoint. */
  readonly note?: () => unknown;
  /** Called before the first step: with the step of the checkpoint and its note, or with 0. */
  readonly onStart?: (step: number, note: unknown) => void;
}

/** A checkpoint that the disk has. */
export interface CheckpointEvent {
  readonly type: 'checkpoint';
  readonly step: number;
}

/** A run that goes on after the step of a checkpoint. */
export interface ResumeEvent {
  readonly type: 'resume';
  readonly step: number;
  readonly steps: number;
}

/** Something that is not as it should be, and does not end the run. */
export interface WarningEvent {
  readonly type: 'warning';
  readonly message: string;
}

/** A step whose loss or gradient was not finite, so that it left the state as it was. */
export interface SkipEvent {
  readonly type: 'skip';
  readonly step: number;
  /** Where its rows stand in the data, from 0, where the batch says so. */
  readonly rows?: readonly number[];
  readonly loss: number;
  readonly gradNorm?: number;
  /** Skipped steps since the last that was taken, this one included. */
  readonly inARow: number;
}

/** The scale of the loss in half precision from a step on. */
export interface LossScaleEvent {
  readonly type: 'lossScale';
  readonly step: number;
  readonly scale: number;
  readonly before: number;
}

/** All that a run tells of. */
export type TrainRunEvent =
  | TrainEvent
  | CheckpointEvent
  | ResumeEvent
  | WarningEvent
  | SkipEvent
  | LossScaleEvent
  | ScoreEvent
  | EarlyStopEvent;

/** Points at which tests stop a run: inside the writing of a checkpoint, and inside pruning. */
export type TrainPoint = WritePoint | PrunePoint;

/** How a run is watched, stopped and kept. */
export interface TrainContext {
  /** Ends the run within a chunk of steps; a checkpoint is written before, where there is a folder for them. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: TrainRunEvent) => void;
  readonly checkpoint?: CheckpointOptions;
  /** Called whenever a point is reached, for tests. */
  readonly at?: (point: TrainPoint) => void;
}
