import { initialState } from '@neuroprune/autodiff';
import { stepSignature, type Tensor } from '@neuroprune/onnx';
import { createTraining } from '@neuroprune/runtime';
import { countWeights, matricesOf } from '../layer.js';
import { prunableLayers } from '../prunable-layer.js';
import { deviceEvents } from './device-events.js';
import { earlierOf } from './earlier.js';
import { parametersIn, weightsIn } from './parameters.js';
import { densityOf, largestOf, type Plan, planOf } from './plan.js';
import { prunerOf } from './pruner.js';
import type { TrainContext, TrainRequest, TrainResult } from './request.js';
import { Run } from './run.js';
import { Saver } from './saver.js';
import { stepGraph } from './step-graph.js';
import { Watch } from './watch.js';

/**
 * Trains a model with AdamW, pruning on the way as the method says. Chunks of steps run on the device; between them, at
 * the method's events, the host prunes the state in place, but for mask events that a GPU takes by itself. With a folder for
 * checkpoints the exact state is kept now and then, and a run that goes on from it ends with the bits of one that was never
 * stopped. Rejects with the signal's reason when aborted.
 */
export async function train(request: TrainRequest, context: TrainContext = {}): Promise<TrainResult> {
  const plan = planOf(request);
  const pruner = prunerOf(request.method, request.groups, { steps: plan.steps, epochSteps: plan.epochSteps });
  const step = stepGraph(request, pruner);
  const signature = stepSignature(step);
  const first = initialState(request.model, signature);
  const parameters = parametersIn(request, signature, pruner.masked);
  const layers = prunableLayers(request.groups, weightsIn(parameters, first));
  const density = densityOf(layers);
  const prunable = countWeights(matricesOf(layers));
  const watch = new Watch(request, plan, pruner.events.at(-1) ?? 0);
  const saver = saverOf(context, plan);
  const earlier = await earlierOf({ request, plan, pruner, signature }, context);
  const events = deviceEvents(request, pruner, signature);
  await using training = await createTraining(step, earlier?.state ?? first, {
    ...request.session,
    largest: () => largestOf(request),
    ...(events && { event: events.model }),
  });
  if (earlier) watch.restore(earlier.progress.watch, earlier.best);
  const parts = { request, plan, pruner, events, training, parameters, watch, context, density, prunable };
  const run = new Run({ ...parts, ...(saver ? { saver } : {}) });
  context.checkpoint?.onStart?.(earlier?.progress.step ?? 0, earlier?.progress.note);
  if (earlier) run.resume(earlier.progress);
  try {
    while (!run.over) await run.chunk();
    await run.finish();
  } finally {
    await saver?.idle();
  }
  const last = await run.tensors();
  return { tensors: inOrderOf(last, watch.bestTensors ?? last), ...run.result() };
}

function saverOf({ checkpoint, onEvent, at }: TrainContext, plan: Plan): Saver | undefined {
  return (
    checkpoint && new Saver(checkpoint, plan, { onEvent: (event) => onEvent?.(event), at: (point) => at?.(point) })
  );
}

/** A checkpoint has its tensors in another order. */
const inOrderOf = (order: ReadonlyMap<string, Tensor>, tensors: ReadonlyMap<string, Tensor>): Map<string, Tensor> =>
  new Map([...order.keys()].map((name) => [name, tensors.get(name) as Tensor]));
