import { performance } from 'node:perf_hooks';
import { initialState } from '@neuroprune/autodiff';
import { stepSignature } from '@neuroprune/onnx';
import { type Batch, createTraining } from '@neuroprune/runtime';
import { deviceEvents } from './device-events.js';
import type { StepBatches } from './feed.js';
import { largestOf, planOf } from './plan.js';
import { prunerOf } from './pruner.js';
import type { TrainContext, TrainRequest } from './request.js';
import { scalarsOf } from './scalars.js';
import { stepGraph } from './step-graph.js';

/** How a batch is tried. */
export interface TryOptions extends Pick<TrainContext, 'signal'> {
  /** Starts a training; the device's own where absent. */
  readonly start?: typeof createTraining;
}

/**
 * Takes the steps of a request's own graph in which most is held at once, all of their batches the one given: two of one
 * batch each, or one of two, the first with a mask event where the device takes these. Rejects as the device does, where
 * there is no room for them. Nothing is kept of it.
 */
export async function tryBatch(
  request: TrainRequest,
  given: Batch,
  { signal, start = createTraining }: TryOptions = {},
): Promise<void> {
  const plan = planOf(request);
  const pruner = prunerOf(request.method, request.groups, plan);
  const step = stepGraph(request, pruner);
  const signature = stepSignature(step);
  const events = deviceEvents(request, pruner, signature);
  signal?.throwIfAborted();
  await using training = await start(step, initialState(request.model, signature), {
    ...request.session,
    largest: () => given,
    ...(events && { event: events.model }),
  });
  const batch = request.teacher ? { ...given, teacher: await request.teacher(given) } : given;
  const steps: StepBatches[] =
    (request.accumulate ?? 1) > 1
      ? [{ batches: [batch, batch], shares: [0.5, 0.5], first: 1 }]
      : [1, 2].map((first) => ({ batches: [batch], shares: [1], first }));
  signal?.throwIfAborted();
  const done = events ? Math.min(...events.steps) - 1 : 0;
  const scalars = scalarsOf({ request, plan, pruner, events }, training.signature.scalars, steps, done);
  await training.run([batch, batch], scalars);
}

/** Steps that are timed a batch, after one that is not. */
const TIMED = 3;

/**
 * Milliseconds that a batch takes in training, for each of some batches: the median of three steps of the request's own
 * graph, after one for the session to set itself up. Nothing is kept of what they learn. Rejects with the signal's reason.
 */
export async function timeBatches(
  request: TrainRequest,
  batches: readonly Batch[],
  { signal }: Pick<TrainContext, 'signal'> = {},
): Promise<number[]> {
  const plan = planOf(request);
  const pruner = prunerOf(request.method, request.groups, plan);
  const step = stepGraph(request, pruner);
  const signature = stepSignature(step);
  await using training = await createTraining(step, initialState(request.model, signature), {
    ...request.session,
    largest: () => largestOf(request),
  });
  const medians: number[] = [];
  let first = 1;
  for (const given of batches) {
    const batch = request.teacher ? { ...given, teacher: await request.teacher(given) } : given;
    const times: number[] = [];
    for (let i = 0; i <= TIMED; i++) {
      signal?.throwIfAborted();
      const scalars = scalarsOf(
        { request, plan, pruner },
        signature.scalars,
        [{ batches: [batch], shares: [1], first }],
        0,
      );
      const start = performance.now();
      await training.run([batch], scalars);
      times.push(performance.now() - start);
      first += 1;
    }
    medians.push(times.slice(1).sort((a, b) => a - b)[TIMED >> 1] as number);
  }
  return medians;
}
