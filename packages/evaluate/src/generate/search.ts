import type { Hypothesis } from './hypothesis.js';
import type { ScoreRule } from './score-rules.js';
import { type GenerationSettings, idList, type Lengths } from './settings.js';

/** The search for one prompt's text. */
export interface Search {
  /** Hypotheses that the next logits are wanted for, best first; none when the search is over. */
  readonly running: readonly Hypothesis[];
  /** For each running one the place of the one before that it goes on. */
  readonly parents: readonly number[];
  /** Finished ones, best first. */
  readonly finished: readonly Hypothesis[];
}

/** What holds for each search of a batch. */
export interface SearchPlan {
  readonly beams: number;
  readonly lengthPenalty: number;
  readonly earlyStopping: boolean | 'never';
  readonly lengths: Lengths;
  /** Tokens that end a text. */
  readonly ends: ReadonlySet<number>;
  readonly rule: ScoreRule;
}

/** A search's next state, from the logits of each running hypothesis. */
export type NextSearch = (search: Search, logits: readonly Float32Array[], plan: SearchPlan) => Search;

/** The plan that settings make. */
export function searchPlan(settings: GenerationSettings, lengths: Lengths, rule: ScoreRule): SearchPlan {
  const { numBeams: beams = 1, lengthPenalty = 1, earlyStopping = false, eosTokenId } = settings;
  return { beams, lengthPenalty, earlyStopping, lengths, ends: new Set(idList(eosTokenId)), rule };
}

/** Whether a hypothesis is complete: by a token that ends it, or by its length. */
export const ended = ({ tokens, written }: Hypothesis, { ends, lengths }: SearchPlan): boolean =>
  ends.has(tokens.at(-1)!) || written >= lengths.most;
