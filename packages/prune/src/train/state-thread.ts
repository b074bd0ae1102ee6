import { Worker } from 'node:worker_threads';
import type { Tensor } from '@neuroprune/onnx';
import { PruneError } from '../errors.js';
import type { PrunePoint } from './pruner.js';
import { lightSetup, type StateJob, type StateResult, type StateSetup, stateWork } from './state-work.js';

/** What the thread is asked: the state's buffers move to it, and back with the answer. */
export interface StateQuestion {
  readonly setup: StateSetup;
  readonly job: StateJob;
  readonly state: Map<string, Tensor>;
}

/** What it says: that it is at a point of the work, or what came of it. */
export type StateAnswer =
  | { readonly at: PrunePoint }
  | { readonly state: Map<string, Tensor>; readonly result: StateResult }
  | { readonly state: Map<string, Tensor>; readonly error: string };

/** Numbers of a state that is worked on where it is: that takes a few milliseconds. */
const SMALL = 400_000;

const numbersIn = (state: ReadonlyMap<string, Tensor>): number =>
  [...state.values()].reduce((n, { data }) => n + data.length, 0);

let thread: Worker | undefined;

/** The process's thread for work on states; it keeps nobody waiting at the end. */
function shared(): Worker {
  if (thread) return thread;
  const made = new Worker(new URL(import.meta.resolve('@neuroprune/prune/state-worker')), { execArgv: [] });
  made.on('exit', () => {
    thread = undefined;
  });
  made.unref();
  thread = made;
  return made;
}

/**
 * Does work on a state, which may change it in place. A large one goes to a thread of its own for that, so that timers,
 * signals and servers of the program go on meanwhile.
 */
export async function workOn(
  setup: StateSetup,
  job: StateJob,
  state: Map<string, Tensor>,
  at?: (point: PrunePoint) => void,
): Promise<StateResult> {
  if (numbersIn(state) <= SMALL) return stateWork(setup, job, state, at);
  const worker = shared();
  worker.ref();
  try {
    const result = await ask(worker, { setup: lightSetup(setup), job, state }, at);
    if (job.type === 'tensors') for (const [name, t] of setup.parameters.fixed) result.tensors.set(name, t);
    return result;
  } finally {
    worker.unref();
  }
}

function ask(worker: Worker, question: StateQuestion, at?: (point: PrunePoint) => void): Promise<StateResult> {
  return new Promise((resolve, reject) => {
    let failure: { readonly error: unknown } | undefined;
    const done = (settle: () => void) => {
      worker.off('message', onAnswer).off('error', onEnd).off('exit', onEnd);
      settle();
    };
    const onEnd = (why: unknown) =>
      done(() => reject(new PruneError(`internal: the thread for work on the state ended: ${String(why)}`)));
    const onAnswer = (answer: StateAnswer) => {
      if ('at' in answer) {
        try {
          at?.(answer.at);
        } catch (error) {
          failure ??= { error };
        }
        return;
      }
      for (const [name, t] of answer.state) question.state.set(name, t);
      done(() => {
        if (failure) reject(failure.error);
        else if ('error' in answer) reject(new PruneError(answer.error));
        else resolve(answer.result);
      });
    };
    worker.on('message', onAnswer).on('error', onEnd).on('exit', onEnd);
    worker.postMessage(question, buffersOf(question.state));
  });
}

/** Buffers of tensors, each once. */
export const buffersOf = (tensors: ReadonlyMap<string, Tensor>): ArrayBuffer[] => [
  ...new Set([...tensors.values()].map(({ data }) => (data as Float32Array).buffer as ArrayBuffer)),
];
