import type { RunContext } from '../context.js';
import { parseOptions } from '../schema/parse.js';
import type { VerbOptions } from '../schema/verbs.js';
import { trainSeeds } from './seeds.js';
import type { TrainOutcome, TrainPlan } from './train.js';

export { formatTraining as format } from './format-training.js';

/** Trains densely with the trainer of `prune`. */
export function run(options: VerbOptions<'finetune'>, context: RunContext): Promise<TrainOutcome | TrainPlan> {
  return trainSeeds(parseOptions('prune', { ...options, method: 'dense' }), context);
}
