import { EvaluateError } from '../error.js';
import { bestCandidates } from './candidates.js';
import { extended } from './hypothesis.js';
import { ended, type NextSearch } from './search.js';

/** Takes the best token, as `GenerationMixin._sample` of transformers 4.57.1 without sampling. */
export const nextGreedy: NextSearch = ({ running: [hypothesis] }, [logits], plan) => {
  if (!hypothesis || !logits) throw new Error('internal: expected a running hypothesis with its logits');
  const scores = logits.slice();
  plan.rule(scores, hypothesis);
  const [best] = bestCandidates([scores], 1);
  if (!best) throw nothingLeft();
  const longer = extended(hypothesis, best.token, 0);
  return ended(longer, plan)
    ? { running: [], parents: [], finished: [longer] }
    : { running: [longer], parents: [0], finished: [] };
};

/** The error of a step without a token to take. */
export const nothingLeft = (): EvaluateError =>
  new EvaluateError(
    'job',
    'generation: expected a token with a finite score, got none; check the weights, and the tokens that the settings rule out',
  );
