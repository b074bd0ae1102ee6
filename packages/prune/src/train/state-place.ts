import type { Tensor } from '@neuroprune/onnx';
import type { Training } from '@neuroprune/runtime';
import { PruneError } from '../errors.js';
import type { PrunePoint } from './pruner.js';
import { lightSetup, neededState, type StateJob, type StateResult, type StateSetup, stateWork } from './state-work.js';

/** What is asked where a state lies. */
export interface StateQuestion {
  readonly setup: StateSetup;
  readonly job: StateJob;
}

/** What came of it, tensors apart. */
export type StateAnswer = { readonly result: Omit<StateResult, 'tensors'> } | { readonly error: string };

/**
 * Does work on a run's state, in the thread or process that holds it: gigabytes need not cross, and timers, signals and servers of
 * the program go on meanwhile. With `at`, which is called at points of the work, it is done here.
 */
export async function workOn(
  training: Training,
  whole: StateSetup,
  job: StateJob,
  at?: (point: PrunePoint) => void,
): Promise<StateResult> {
  const { setup, names } = neededState(whole, job);
  if (at) return training.withState((state) => stateWork(setup, job, state, at), names);
  const argument: StateQuestion = { setup: lightSetup(setup), job };
  const module = import.meta.resolve('@neuroprune/prune/state-change');
  const { value, tensors } = await training.changeState({ module, argument }, names);
  const answer = value as StateAnswer;
  if ('error' in answer) throw new PruneError(answer.error);
  const fixed = job.type === 'tensors' ? setup.parameters.fixed : [];
  return { ...answer.result, tensors: new Map([...tensors, ...fixed] as [string, Tensor<'float32'>][]) };
}
