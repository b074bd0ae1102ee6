import type { RunContext } from '../context.js';
import type { VerbOptions } from '../schema/verbs.js';
import { trainSeeds } from './seeds.js';
import type { TrainOutcome, TrainPlan } from './train.js';

export { formatTraining as format } from './format-training.js';

/** Trains sparse, compacts, proves, evaluates and reports into a run folder. */
export function run(options: VerbOptions<'prune'>, context: RunContext): Promise<TrainOutcome | TrainPlan> {
  return trainSeeds(options, context);
}
