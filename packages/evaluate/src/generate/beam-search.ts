import { bestCandidates } from './candidates.js';
import { nothingLeft } from './greedy-search.js';
import { extended, type Hypothesis } from './hypothesis.js';
import { ended, type NextSearch, type Search, type SearchPlan } from './search.js';

/**
 * One step of beam search, as `GenerationMixin._beam_search` of transformers 4.57.1 with its sums in float32. Each prompt's
 * beams are by themselves: what the original does to a prompt that is over changes nothing of its result.
 */
export const nextBeams: NextSearch = (search, logits, plan) => {
  const scores = search.running.map((hypothesis, i) => sums(hypothesis, logits[i]!, plan));
  const longer = bestCandidates(scores, Math.max(2, 1 + plan.ends.size) * plan.beams).map(
    ({ parent, token, score }) => ({ parent, hypothesis: extended(search.running[parent]!, token, score) }),
  );
  const open = longer.filter(({ hypothesis }) => !ended(hypothesis, plan)).slice(0, plan.beams);
  // The rest of the candidates stand by for those that end, and may not end themselves.
  const complete = longer
    .slice(0, plan.beams)
    .flatMap(({ hypothesis }) => (ended(hypothesis, plan) ? [hypothesis] : []));
  const finished = [...search.finished, ...complete.map((one) => penalized(one, plan))]
    .sort((a, b) => b.score - a.score)
    .slice(0, plan.beams);
  const running = open.map(({ hypothesis }) => hypothesis);
  if (running.length === 0 && finished.length === 0) throw nothingLeft();
  return over({ running, finished }, plan)
    ? { running: [], parents: [], finished }
    : { running, parents: open.map(({ parent }) => parent), finished };
};

/** Scores of a hypothesis with each token after it. */
function sums(hypothesis: Hypothesis, logits: Float32Array, { rule }: SearchPlan): Float32Array {
  const scores = logSoftmax(logits);
  rule(scores, hypothesis);
  for (let i = 0; i < scores.length; i++) scores[i]! += hypothesis.score;
  return scores;
}

function logSoftmax(logits: Float32Array): Float32Array {
  // Plain loops: iterators and callbacks over a vocabulary of 3,200 took a third of a step.
  const { length } = logits;
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < length; i++) largest = Math.max(largest, logits[i]!);
  let sum = 0;
  for (let i = 0; i < length; i++) sum += Math.exp(logits[i]! - largest);
  const shift = largest + Math.log(sum);
  const scores = new Float32Array(length);
  for (let i = 0; i < length; i++) scores[i] = logits[i]! - shift;
  return scores;
}

const perLength = (score: number, length: number, penalty: number): number =>
  Math.fround(score / Math.fround(length ** penalty));

const penalized = (hypothesis: Hypothesis, { lengthPenalty }: SearchPlan): Hypothesis => ({
  ...hypothesis,
  score: perLength(hypothesis.score, hypothesis.written, lengthPenalty),
});

/** Whether there is nothing left to find, by the rule of `earlyStopping` (`_check_early_stop_heuristic`). */
function over({ running: [best], finished }: Pick<Search, 'running' | 'finished'>, plan: SearchPlan): boolean {
  if (!best) return true;
  if (finished.length < plan.beams) return false;
  if (plan.earlyStopping === true) return true;
  const longest = plan.earlyStopping === 'never' && plan.lengthPenalty > 0;
  const length = longest ? plan.lengths.most : best.written;
  return !(perLength(best.score, length, plan.lengthPenalty) > finished.at(-1)!.score);
}
