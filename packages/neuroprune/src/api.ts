import type { RunContext } from './context.js';
import { parseOptions } from './schema/parse.js';
import type { VerbInput, VerbOptions } from './schema/verbs.js';
import type { Converted } from './verbs/convert.js';
import type { Evaluated } from './verbs/evaluate.js';
import type { TrainOutcome, TrainPlan } from './verbs/train.js';

/** How a call is watched, stopped and connected; working directory and environment are the process's when absent. */
export type CallContext = Partial<RunContext>;

/** Fetches, trains sparse, evaluates, compacts, proves, pushes and reads back. Throws an error with a `kind`. */
export async function pruneAndPublish(
  input: VerbInput<'prune-and-publish'>,
  context: CallContext = {},
): Promise<TrainOutcome | TrainPlan> {
  const options = parseOptions('prune-and-publish', input);
  return (await import('./verbs/prune-and-publish.js')).run(options, filled(context));
}

/** All of `pruneAndPublish` but the push; leaves a run folder. */
export async function prune(input: VerbInput<'prune'>, context: CallContext = {}): Promise<TrainOutcome | TrainPlan> {
  const options = parseOptions('prune', input);
  return (await import('./verbs/prune.js')).run(options, filled(context));
}

/** Turns a model into ONNX, or compares its training graph with a golden file. */
export async function convert(input: VerbInput<'convert'>, context: CallContext = {}): Promise<Converted> {
  const options = parseOptions('convert', input);
  return (await import('./verbs/convert.js')).run(options, filled(context));
}

/** Scores a model on tasks. */
export async function evaluate(input: VerbInput<'evaluate'>, context: CallContext = {}): Promise<Evaluated> {
  const options = parseOptions('evaluate', input);
  return (await import('./verbs/evaluate.js')).run(options, filled(context));
}

/** Pushes the model of a run folder. */
export async function publish(input: VerbInput<'publish'>, context: CallContext = {}) {
  const options: VerbOptions<'publish'> = parseOptions('publish', input);
  return (await import('./verbs/publish.js')).run(options, filled(context));
}

const filled = (given: CallContext): RunContext => ({
  signal: new AbortController().signal,
  onEvent: () => {},
  cwd: process.cwd(),
  env: process.env,
  ...given,
});
