import { EvaluateError } from '../error.js';
import { nextBeams } from './beam-search.js';
import { continueDecoding, type Decoding, type Prompts, startDecoding } from './decoding.js';
import { nextGreedy } from './greedy-search.js';
import { unwritten } from './hypothesis.js';
import { scoreRules } from './score-rules.js';
import { type Search, type SearchPlan, searchPlan } from './search.js';
import { type GenerationSettings, idList, lengthsOf } from './settings.js';
import type { TextGraphs } from './text-graphs.js';

/** A batch to write on. */
export interface BatchRequest extends Omit<Prompts, 'padId'> {
  readonly graphs: TextGraphs;
  readonly settings: GenerationSettings;
  /** Positions that the model has. */
  readonly positions?: number;
  readonly signal?: AbortSignal;
}

/** What a model wrote for a prompt. */
export interface WrittenText {
  /** New tokens, the one that ends the text included. */
  readonly tokens: readonly number[];
  /** Sum of log-probabilities over length ** `lengthPenalty`, of beam search. */
  readonly score?: number;
}

/** The texts of a batch in its order, and how often the decoder ran. */
export interface WrittenBatch {
  readonly texts: readonly WrittenText[];
  readonly steps: number;
}

/** Writes a batch; a prompt whose search is over leaves it, and its rows of the cache with it. */
export async function writeBatch(request: BatchRequest): Promise<WrittenBatch> {
  const { graphs, settings, source, decoder, signal } = request;
  const lengths = lengthsOf(settings, Math.max(...decoder.map((row) => row.length)), request.positions);
  const plan = searchPlan(settings, lengths, scoreRules(settings, lengths));
  const padId = settings.padTokenId ?? idList(settings.eosTokenId)[0] ?? 0;
  signal?.throwIfAborted();
  let decoding = await startDecoding(graphs, { ...(source && { source }), decoder, padId });
  checkIds(settings, decoding.logits[0]!.length);
  let searches = decoder.map((tokens): Search => ({ running: [unwritten(tokens)], parents: [0], finished: [] }));
  for (let steps = 1; ; steps++) {
    const before = searches;
    searches = advanced(before, decoding, plan);
    const running = searches.flatMap((search) => search.running);
    if (running.length === 0) return { texts: searches.map((search) => textOf(search, plan)), steps };
    signal?.throwIfAborted();
    const tokens = running.map((hypothesis) => hypothesis.tokens.at(-1)!);
    decoding = await continueDecoding(graphs, decoding, parentRows(before, searches), tokens);
  }
}

function advanced(searches: readonly Search[], { logits }: Decoding, plan: SearchPlan): Search[] {
  const next = plan.beams === 1 ? nextGreedy : nextBeams;
  let row = 0;
  return searches.map((search) => {
    const own = logits.slice(row, row + search.running.length);
    row += own.length;
    return own.length === 0 ? search : next(search, own, plan);
  });
}

/** Rows of the searches before, that those of the searches now go on. */
function parentRows(before: readonly Search[], now: readonly Search[]): number[] {
  let first = 0;
  return now.flatMap(({ parents }, i) => {
    const rows = parents.map((parent) => first + parent);
    first += before[i]!.running.length;
    return rows;
  });
}

function textOf({ finished: [best] }: Search, { beams }: SearchPlan): WrittenText {
  if (!best) throw new Error('internal: expected a finished text');
  const tokens = best.tokens.slice(best.tokens.length - best.written);
  return { tokens, ...(beams > 1 && { score: best.score }) };
}

/** Refuses ids that are none of the vocabulary's, which would rule nothing out. */
function checkIds(settings: GenerationSettings, vocabulary: number): void {
  const {
    badWordsIds = [],
    suppressTokens = [],
    beginSuppressTokens = [],
    forcedBosTokenId,
    forcedEosTokenId,
  } = settings;
  const ids = [
    ...badWordsIds.flat(),
    ...suppressTokens,
    ...beginSuppressTokens,
    ...idList(forcedBosTokenId),
    ...idList(forcedEosTokenId),
  ];
  const stray = ids.find((id) => id >= vocabulary);
  if (stray !== undefined)
    throw new EvaluateError('input', `generation: expected tokens below ${vocabulary}, got ${stray} (settings)`);
}
