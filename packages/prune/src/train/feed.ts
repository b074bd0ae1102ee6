import type { Batch } from '@neuroprune/runtime';
import { PruneError } from '../errors.js';
import type { Plan } from './plan.js';
import type { BatchList, TrainRequest } from './request.js';

/** The micro-batches of one step. */
export interface StepBatches {
  readonly batches: readonly Batch[];
  /** What each has of the step, together 1. */
  readonly shares: readonly number[];
  /** The number of the first among all micro-batches of the run, from 1; dropout counts by it. */
  readonly first: number;
}

/** Hands out the batches of a run, step by step. */
export class Feed {
  private list: BatchList = [];
  private epoch = -1;

  constructor(
    private readonly request: TrainRequest,
    private readonly plan: Plan,
  ) {}

  /** The batches of the step after `done` steps; the last step of an epoch may have fewer than the others. */
  async step(done: number): Promise<StepBatches> {
    const { epochSteps, epochBatches } = this.plan;
    const { accumulate = 1, teacher } = this.request;
    const epoch = Math.floor(done / epochSteps);
    this.open(epoch);
    const from = (done % epochSteps) * accumulate;
    const batches: Batch[] = [];
    for (let at = from; at < Math.min(from + accumulate, epochBatches); at++) {
      const batch = this.list.at(at) as Batch;
      batches.push(teacher ? { ...batch, teacher: await teacher(batch) } : batch);
    }
    return { batches, shares: sharesOf(batches, this.request.classWeights), first: epoch * epochBatches + from + 1 };
  }

  private open(epoch: number): void {
    if (epoch === this.epoch) return;
    this.epoch = epoch;
    this.list = this.request.batches(epoch);
    const { length } = this.list;
    if (length !== this.plan.epochBatches)
      throw new PruneError(`internal: epoch ${epoch}: expected ${this.plan.epochBatches} batches, got ${length}`);
  }
}

/** Label of a token that takes no part in the loss. */
const NO_LABEL = -100;

/** What each micro-batch has of the step's loss, so that the mean over the step is that of one large batch. */
function sharesOf(batches: readonly Batch[], classWeights: readonly number[] | undefined): number[] {
  if (batches.length === 1) return [1];
  const weightOf = ({ rows, weights, labels }: Batch) => {
    const each = labels.length / rows; // labels of tokens, or one a row
    return Array.from(labels).reduce((sum, label, i) => {
      const counts = label === NO_LABEL && each > 1 ? 0 : (weights[Math.floor(i / each)] as number);
      return sum + counts * (classWeights?.[label] ?? 1);
    }, 0);
  };
  const parts = batches.map(weightOf);
  const total = parts.reduce((a, b) => a + b, 0);
  return parts.map((part) => (total > 0 ? part / total : 1 / parts.length));
}

/** Results that a step has only where it is taken, at its last micro-batch. */
const OF_THE_LAST: ReadonlySet<string> = new Set(['grad_norm', 'skipped', 'loss_scale']);

/** One number a step from one a micro-batch: means by share, or what the last one says. */
export function foldResults(
  results: Readonly<Record<string, Float32Array>>,
  steps: readonly StepBatches[],
): Record<string, Float32Array> {
  if (steps.every(({ batches }) => batches.length === 1)) return { ...results };
  const starts = startsOf(steps);
  const fold = (name: string, values: Float32Array) =>
    Float32Array.from(steps, ({ shares }, s) => {
      const own = values.subarray(starts[s], (starts[s] as number) + shares.length);
      if (OF_THE_LAST.has(name)) return own.at(-1) ?? Number.NaN;
      return own.reduce((sum, value, i) => sum + value * (shares[i] as number), 0);
    });
  return Object.fromEntries(Object.entries(results).map(([name, values]) => [name, fold(name, values)]));
}

function startsOf(steps: readonly StepBatches[]): number[] {
  let at = 0;
  return steps.map(({ batches }) => {
    at += batches.length;
    return at - batches.length;
  });
}

/** The batches of a step as one for messages: with the numbers of all rows. */
export function mergedForMessages({ batches }: StepBatches): Batch {
  const [first] = batches as readonly [Batch];
  if (batches.length === 1 || !first.numbers) return first;
  return { ...first, numbers: batches.flatMap(({ numbers = [] }) => numbers) };
}
