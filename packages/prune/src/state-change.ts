/** What is done with a run's state where it lies: the thread or process of the sessions loads this. */
import type { Tensor } from '@neuroprune/onnx';
import type { StateChange } from '@neuroprune/runtime';
import type { StateAnswer, StateQuestion } from './train/state-place.js';
import { stateWork } from './train/state-work.js';

/** Does the work; what goes wrong in it is told, not thrown. */
export function change(state: Map<string, Tensor>, { setup, job }: StateQuestion): StateChange {
  try {
    const { tensors, ...result } = stateWork(setup, job, state);
    return { value: { result } satisfies StateAnswer, tensors: [...tensors] };
  } catch (error) {
    const message = error instanceof Error ? error.message.replace(/^prune: /, '') : String(error);
    return { value: { error: message } satisfies StateAnswer, tensors: [] };
  }
}
