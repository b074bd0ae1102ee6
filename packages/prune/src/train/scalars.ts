import { adamwScalars, coefficientInput, dropoutScalars, emaScalars } from '@neuroprune/autodiff';
import { EVENT, type ScalarVectors } from '@neuroprune/runtime';
import { type DeviceEvents, eventScalars } from './device-events.js';
import type { StepBatches } from './feed.js';
import type { Plan } from './plan.js';
import type { Pruner } from './pruner.js';
import type { TrainRequest } from './request.js';
import { learningRate } from './schedule.js';

/** What the scalars of a run follow from. */
export interface ScalarSource {
  readonly request: TrainRequest;
  readonly plan: Plan;
  readonly pruner: Pruner;
  readonly events?: DeviceEvents | undefined;
}

/** The learning rate of a step, counted from 1. */
export const rateAt = ({ request, plan }: ScalarSource, step: number): number =>
  learningRate(step, { ...request, steps: plan.steps });

/** Each scalar input's numbers for the micro-batches of steps, the first of which comes after `done` others. */
export function scalarsOf(
  source: ScalarSource,
  names: readonly string[],
  steps: readonly StepBatches[],
  done: number,
): ScalarVectors {
  const values = steps.flatMap((step, i) => ofStep(source, step, done + i + 1));
  return Object.fromEntries(
    names.map((name) => [name, Float32Array.from(values, (scalars) => scalars[name] ?? Number.NaN)]),
  );
}

/** All scalars of one step, micro-batch by micro-batch. */
function ofStep(source: ScalarSource, { shares, first }: StepBatches, step: number): Record<string, number>[] {
  const { weightDecay, seed, ema } = source.request;
  const shared = {
    ...adamwScalars({ lr: rateAt(source, step), weightDecay }),
    ...(ema === undefined ? {} : emaScalars({ decay: ema })),
    ...Object.fromEntries(
      Object.entries(source.pruner.coefficients).map(([term, value]) => [coefficientInput(term), value]),
    ),
  };
  const events = eventScalars(source.events, step);
  const none = { ...events, [EVENT]: 0 };
  return shares.map((share, i) => ({
    ...shared,
    ...dropoutScalars(seed, first + i),
    share,
    apply: Number(i === shares.length - 1),
    ...(i === shares.length - 1 ? events : none),
  }));
}
