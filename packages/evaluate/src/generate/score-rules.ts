import type { Hypothesis } from './hypothesis.js';
import { type GenerationSettings, idList, type Lengths } from './settings.js';

/** Changes, in place, the scores of the tokens that may follow. */
export type ScoreRule = (scores: Float32Array, hypothesis: Hypothesis) => void;

type Maker = (settings: GenerationSettings, lengths: Lengths) => ScoreRule | undefined;

const NONE = Number.NEGATIVE_INFINITY;

const ban = (scores: Float32Array, tokens: Iterable<number>): void => {
  for (const token of tokens) scores[token] = NONE;
};

const only = (scores: Float32Array, tokens: Iterable<number>): void => {
  scores.fill(NONE);
  for (const token of tokens) scores[token] = 0;
};

const repetitionPenalty: Maker = ({ repetitionPenalty: penalty = 1 }) => {
  if (penalty === 1) return undefined;
  return (scores, { tokens }) => {
    for (const token of new Set(tokens)) {
      const score = scores[token]!;
      scores[token] = score < 0 ? score * Math.fround(penalty) : score / Math.fround(penalty);
    }
  };
};

/** Whether a run of tokens stands before a place. */
const standsBefore = (run: readonly number[], tokens: readonly number[], end: number): boolean =>
  end >= run.length && run.every((token, i) => tokens[end - run.length + i] === token);

const noRepeatNgram: Maker = ({ noRepeatNgramSize: size = 0 }) => {
  if (size === 0) return undefined;
  return (scores, { tokens }) => {
    if (tokens.length < size) return;
    const before = tokens.slice(tokens.length - size + 1);
    ban(
      scores,
      tokens.filter((_, at) => standsBefore(before, tokens, at)),
    );
  };
};

const badWords: Maker = ({ badWordsIds = [], eosTokenId }) => {
  const ends = idList(eosTokenId);
  const words = badWordsIds.filter((word) => word.length > 1 || !ends.includes(word[0]!));
  if (words.length === 0) return undefined;
  return (scores, { tokens }) => {
    for (const word of words) {
      // A run as long as all that is there is not looked at: so does SequenceBiasLogitsProcessor.
      const inReach = word.length === 1 || word.length <= tokens.length;
      if (inReach && standsBefore(word.slice(0, -1), tokens, tokens.length)) ban(scores, word.slice(-1));
    }
  };
};

const leastLength: Maker = ({ eosTokenId }, { least }) => {
  if (least === 0) return undefined;
  return (scores, { written }) => {
    if (written < least) ban(scores, idList(eosTokenId));
  };
};

const forcedBeginning: Maker = ({ forcedBosTokenId: forced }, { prompt }) => {
  if (forced === undefined || prompt !== 1) return undefined;
  return (scores, { written }) => {
    if (written === 0) only(scores, [forced]);
  };
};

const forcedEnd: Maker = ({ forcedEosTokenId: forced }, { most }) => {
  if (forced === undefined) return undefined;
  return (scores, { written }) => {
    if (written === most - 1) only(scores, idList(forced));
  };
};

const suppressed: Maker = ({ suppressTokens: tokens }) => tokens && ((scores) => ban(scores, tokens));

const suppressedFirst: Maker = ({ beginSuppressTokens: tokens, forcedBosTokenId: forced }, { prompt }) => {
  const first = prompt === 1 && forced !== undefined ? 1 : 0;
  return (
    tokens &&
    ((scores, { written }) => {
      if (written === first) ban(scores, tokens);
    })
  );
};

/** In the order of `GenerationMixin._get_logits_processor` of transformers 4.57.1: a later rule overrules an earlier one. */
const makers: readonly Maker[] = [
  repetitionPenalty,
  noRepeatNgram,
  badWords,
  leastLength,
  forcedBeginning,
  forcedEnd,
  suppressed,
  suppressedFirst,
];

/** What the settings say of the next token; each row is looked at without its padding. */
export function scoreRules(settings: GenerationSettings, lengths: Lengths): ScoreRule {
  const rules = makers.map((make) => make(settings, lengths)).filter((rule) => rule !== undefined);
  return (scores, hypothesis) => {
    for (const rule of rules) rule(scores, hypothesis);
  };
}
