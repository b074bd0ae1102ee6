import { performance } from 'node:perf_hooks';
import { initialState } from '@neuroprune/autodiff';
import { stepSignature } from '@neuroprune/onnx';
import { type Batch, createTraining } from '@neuroprune/runtime';
import { planOf } from './plan.js';
import { prunerOf } from './pruner.js';
import type { TrainContext, TrainRequest } from './request.js';
import { scalarsOf } from './scalars.js';
import { stepGraph } from './step-graph.js';

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
  await using training = await createTraining(step, initialState(request.model, signature), request.session);
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
