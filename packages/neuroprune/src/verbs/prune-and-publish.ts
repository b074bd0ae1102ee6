import type { RunContext } from '../context.js';
import type { VerbOptions } from '../schema/verbs.js';
import { trainSeeds } from './seeds.js';
import type { TrainOutcome, TrainPlan } from './train.js';

export { formatTraining as format } from './format-training.js';

/** All of `prune`, then the push, and the published model read back. */
export function run(options: VerbOptions<'prune-and-publish'>, context: RunContext): Promise<TrainOutcome | TrainPlan> {
  const { to, private: hidden, branch } = options;
  return trainSeeds(options, context, { to, private: hidden, branch });
}
