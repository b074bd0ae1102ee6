/** The thread in which a run's state is pruned and copied where it is large: that takes up to seconds. */
import { parentPort } from 'node:worker_threads';
import { buffersOf, type StateAnswer, type StateQuestion } from './train/state-thread.js';
import { stateWork } from './train/state-work.js';

const say = (answer: StateAnswer, moved: ArrayBuffer[] = []) => parentPort?.postMessage(answer, moved);

parentPort?.on('message', ({ setup, job, state }: StateQuestion) => {
  try {
    const result = stateWork(setup, job, state, (at) => say({ at }));
    say({ state, result }, [...new Set([...buffersOf(state), ...buffersOf(result.tensors)])]);
  } catch (error) {
    const message = error instanceof Error ? error.message.replace(/^prune: /, '') : String(error);
    say({ state, error: message }, buffersOf(state));
  }
});
