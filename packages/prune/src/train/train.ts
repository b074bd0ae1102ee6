import { rm } from 'node:fs/promises';
import { initialState, parametersOf, type State, type TrainableOptions, trainable } from '@neuroprune/autodiff';
import { type Model, type StepSignature, stepSignature, type Tensor, tensor } from '@neuroprune/onnx';
import { createTraining } from '@neuroprune/runtime';
import { type Checkpoint, newestCheckpoint, tidyCheckpoints } from '../checkpoint/folder.js';
import { PruneError } from '../errors.js';
import { prunableLayers } from '../prunable-layer.js';
import { densityOf, type Plan, planOf } from './plan.js';
import { type Progress, plainRequest, progressFor } from './progress.js';
import { type Pruner, prunerOf } from './pruner.js';
import type { TrainContext, TrainRequest, TrainResult } from './request.js';
import { Run } from './run.js';
import { checkpointDefaults, Saver } from './saver.js';

/**
 * Trains a model with AdamW, pruning on the way as the method says. Chunks of steps run on the device; between them, at
 * the method's events, the host prunes the state in place. With a folder for checkpoints the exact state is kept now and
 * then, and a run that goes on from it ends with the bits of one that was never stopped. Rejects with the signal's reason
 * when aborted.
 */
export async function train(request: TrainRequest, context: TrainContext = {}): Promise<TrainResult> {
  const plan = planOf(request);
  const pruner = prunerOf(request.method, request.groups, { steps: plan.steps, epochSteps: plan.epochSteps });
  const step = stepGraph(request, pruner);
  const signature = stepSignature(step);
  const first = initialState(request.model, signature);
  const density = densityOf(prunableLayers(request.groups, parametersOf(first, signature)));
  const saver = saverOf(context, plan);
  const earlier = await earlierOf(request, context, plan, first);
  await using training = await createTraining(step, earlier?.state ?? first, request.session);
  const run = new Run({ request, plan, pruner, training, context, density, ...(saver ? { saver } : {}) });
  context.checkpoint?.onStart?.(earlier?.progress.step ?? 0, earlier?.progress.note);
  if (earlier) run.resume(earlier.progress);
  try {
    while (run.done < plan.steps) await run.chunk();
    await run.finish();
  } finally {
    await saver?.idle();
  }
  const { signature: held } = training;
  const tensors = await training.withState((state) => tensorsOf(held, parametersOf(state, held)));
  return { tensors, ...run.result() };
}

function stepGraph({ model, loss, dropout, onNan }: TrainRequest, { masked, terms }: Pruner): Model {
  const watched = onNan === 'skip' ? ({ guard: 'skip' } as const) : { gradNorm: true };
  const options: TrainableOptions = { loss, dropout, masked, ...watched, ...(terms ? { terms } : {}) };
  return trainable(model, options);
}

function saverOf({ checkpoint, onEvent, at }: TrainContext, plan: Plan): Saver | undefined {
  return (
    checkpoint && new Saver(checkpoint, plan, { onEvent: (event) => onEvent?.(event), at: (point) => at?.(point) })
  );
}

/** Where an earlier run stopped. */
interface Earlier {
  readonly state: State;
  readonly progress: Progress;
}

/** The newest good checkpoint; a run that starts anew removes those there are. */
async function earlierOf(
  request: TrainRequest,
  { checkpoint, onEvent }: TrainContext,
  plan: Plan,
  first: State,
): Promise<Earlier | undefined> {
  if (!checkpoint) return undefined;
  const { dir, resume = false, keep = checkpointDefaults.keep } = checkpoint;
  if (!resume) {
    await rm(dir, { recursive: true, force: true });
    return undefined;
  }
  const found = await newestCheckpoint(dir, (message) => onEvent?.({ type: 'warning', message }));
  await tidyCheckpoints(dir, keep);
  if (!found) {
    onEvent?.({ type: 'warning', message: `resume: expected a checkpoint in ${dir}, found none; starting anew` });
    return undefined;
  }
  const progress = progressFor(found.progress, { ...plan, request: plainRequest(request) });
  return { state: stateOf(found, first), progress };
}

/** The state in a checkpoint; throws where it is that of another graph. */
function stateOf({ tensors }: Checkpoint, first: State): State {
  const shapes = (state: ReadonlyMap<string, Tensor>) =>
    [...state].map(([name, { dtype, dims }]) => `${name} ${dtype} [${dims}]`).sort();
  const [got, expected] = [shapes(tensors), shapes(first)];
  const missing = expected.find((line) => !got.includes(line)) ?? got.find((line) => !expected.includes(line));
  if (missing === undefined) return new Map(tensors);
  throw new PruneError(
    `resume: expected the state of the run that was stopped, got a difference at ${missing}`,
    'input',
  );
}

/** Copies of all parameters, each with its shape. */
function tensorsOf(signature: StepSignature, parameters: ReadonlyMap<string, Float32Array>): Map<string, Tensor> {
  return new Map(
    signature.stacks.flatMap(({ members, shape }) =>
      members.map((name) => [name, tensor('float32', shape, (parameters.get(name) as Float32Array).slice())] as const),
    ),
  );
}
