import { rm } from 'node:fs/promises';
import { type State, slotsOf } from '@neuroprune/autodiff';
import {
  float32,
  type StepSignature,
  sizeOf,
  slotInput,
  stackDims,
  stateOf,
  stepSignature,
  type Tensor,
} from '@neuroprune/onnx';
import type { Device, SessionOptions } from '@neuroprune/runtime';
import { newestCheckpoint, tidyCheckpoints } from '../checkpoint/folder.js';
import { PruneError } from '../errors.js';
import type { Plan } from './plan.js';
import { type Progress, plainRequest, progressFor } from './progress.js';
import type { Pruner } from './pruner.js';
import type { TrainContext, TrainRequest } from './request.js';
import { checkpointDefaults } from './saver.js';
import { stepGraph } from './step-graph.js';
import { divided } from './watch.js';

/** Where an earlier run stopped. */
export interface Earlier {
  readonly state: State;
  /** The best weights so far, where they are kept. */
  readonly best: State;
  readonly progress: Progress;
}

/** The run that is begun or gone on with. */
export interface Begun {
  readonly request: TrainRequest;
  readonly plan: Plan;
  readonly pruner: Pruner;
  /** Of its step graph. */
  readonly signature: StepSignature;
}

/** The newest good checkpoint; a run that starts anew removes those there are. */
export async function earlierOf(begun: Begun, { checkpoint, onEvent }: TrainContext): Promise<Earlier | undefined> {
  if (!checkpoint) return undefined;
  const { dir, resume = false, keep = checkpointDefaults.keep } = checkpoint;
  if (!resume) {
    await rm(dir, { recursive: true, force: true });
    return undefined;
  }
  const warn = (message: string) => onEvent?.({ type: 'warning', message });
  const found = await newestCheckpoint(dir, warn);
  await tidyCheckpoints(dir, keep);
  if (!found) {
    warn(`resume: expected a checkpoint in ${dir}, found none; starting anew`);
    return undefined;
  }
  const progress = progressFor(found.progress, { ...begun.plan, request: plainRequest(begun.request) });
  const { state, best } = divided(found.tensors);
  return { state: stateFor(begun, state, progress, warn), best, progress };
}

const deviceOf = (session: SessionOptions = {}): Device => {
  const { device = 'auto' } = session;
  return device === 'auto' ? 'cpu' : device;
};

/** The state in a checkpoint, laid out for the device that the run goes on with. Throws where it is that of another graph. */
function stateFor(begun: Begun, state: State, progress: Progress, warn: (message: string) => void): State {
  const { request, pruner, signature } = begun;
  // What `plainRequest` has written.
  const before = progress.request.session as SessionOptions | undefined;
  const [from, to] = [deviceOf(before), deviceOf(request.session)];
  if (from === to) return checked(state, signature);
  warn(`resume: the device is ${to}, until step ${progress.step} it was ${from}; the last bits may differ`);
  const earlier = stepSignature(stepGraph({ ...request, session: { ...request.session, device: from } }, pruner));
  return laidOut(checked(state, earlier), earlier, signature);
}

/** The same parameters in the stacks of another device, whose shaders may bind fewer of them at once. */
function laidOut(state: State, before: StepSignature, now: StepSignature): State {
  const laid: State = new Map(now.variables.map(({ name }) => [name, state.get(name) as Tensor]));
  for (const stack of now.stacks)
    for (const slot of stack.slots) {
      const parts = slotsOf(state, before, slot);
      const [dims, size] = [stackDims(stack), sizeOf(stack.shape)];
      const data = new Float32Array(sizeOf(dims));
      for (const [i, name] of stack.members.entries()) data.set(parts.get(name) as Float32Array, i * size);
      laid.set(slotInput(stack, slot), float32(data, dims));
    }
  return laid;
}

/** The state in a checkpoint; throws where it is that of another graph. */
function checked(tensors: ReadonlyMap<string, Tensor>, signature: StepSignature): State {
  const got = [...tensors].map(([name, { dtype, dims }]) => `${name} ${dtype} [${dims}]`);
  const expected = stateOf(signature).map(({ input, dims }) => `${input} float32 [${dims}]`);
  const missing = expected.find((line) => !got.includes(line)) ?? got.find((line) => !expected.includes(line));
  if (missing === undefined) return new Map(tensors);
  throw new PruneError(
    `resume: expected the state of the run that was stopped, got a difference at ${missing}`,
    'input',
  );
}
