import type { RunResult } from '@neuroprune/report';
import type { RunContext } from './context.js';
import { runInThread } from './job-thread.js';
import type { VerbInput, VerbName } from './schema/verbs.js';
import type { Converted } from './verbs/convert.js';
import type { Evaluated } from './verbs/evaluate.js';
import type { TrainOutcome, TrainPlan } from './verbs/train.js';
import { runVerb } from './verbs.js';

/** How a call is watched, stopped and connected; working directory and environment are the process's when absent. */
export type CallContext = Partial<RunContext>;

/** Fetches, trains sparse, evaluates, compacts, proves, pushes and reads back. Throws an error with a `kind`. */
export async function pruneAndPublish(
  input: VerbInput<'prune-and-publish'>,
  context: CallContext = {},
): Promise<TrainOutcome | TrainPlan> {
  return (await call('prune-and-publish', input, context)) as TrainOutcome | TrainPlan;
}

/** All of `pruneAndPublish` but the push; leaves a run folder. */
export async function prune(input: VerbInput<'prune'>, context: CallContext = {}): Promise<TrainOutcome | TrainPlan> {
  return (await call('prune', input, context)) as TrainOutcome | TrainPlan;
}

/** Turns a model into ONNX, or compares its training graph with a golden file. */
export async function convert(input: VerbInput<'convert'>, context: CallContext = {}): Promise<Converted> {
  return (await call('convert', input, context)) as Converted;
}

/** Scores a model on tasks. */
export async function evaluate(input: VerbInput<'evaluate'>, context: CallContext = {}): Promise<Evaluated> {
  return (await call('evaluate', input, context)) as Evaluated;
}

/** Pushes the model of a run folder. */
export async function publish(input: VerbInput<'publish'>, context: CallContext = {}): Promise<RunResult> {
  return (await call('publish', input, context)) as RunResult;
}

/** Does a verb's work in the thread of jobs; a `fetch` of the caller's cannot go there. */
function call<V extends VerbName>(verb: V, input: VerbInput<V>, given: CallContext): Promise<unknown> {
  const context = filled(given);
  return context.fetch ? runVerb(verb, input, context) : runInThread(verb, input, context);
}

const filled = (given: CallContext): RunContext => ({
  signal: new AbortController().signal,
  onEvent: () => {},
  cwd: process.cwd(),
  env: process.env,
  ...given,
});
