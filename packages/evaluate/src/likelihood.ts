import type { SessionOptions } from '@neuroprune/runtime';
import type { BatchLog } from './batch-log.js';
import { EvaluateError } from './error.js';
import type { ScoreEvent } from './evaluate.js';
import { integerRows } from './generate/tensor-rows.js';
import { emptyCache, openTextGraphs, type TokenGraph } from './generate/text-graphs.js';
import { metrics } from './metrics/metrics.js';
import { slidingWindows } from './metrics/perplexity.js';
import { signature } from './metrics/signature.js';
import { batchesByLength } from './score-texts.js';
import type { LikelihoodPrediction } from './text-predictions.js';
import type { FoundTextTask, TextRow } from './text-rows.js';
import { floatLogits } from './token-inputs.js';
import type { TextTokenizer } from './tokenize.js';

/** Tokens of a window, of which the last `scored` are predicted. */
export interface TokenWindow {
  /** The text it is of: the row's id, 0 where all are one. */
  readonly text: number;
  readonly tokens: Int32Array;
  readonly scored: number;
}

/** A model that says how likely texts are; close it when done. */
export interface LikelihoodModel extends AsyncDisposable {
  /** Sums of negative log-likelihoods of the scored tokens of each window, in float32. */
  readonly score: (windows: readonly TokenWindow[]) => Promise<number[]>;
  close(): Promise<void>;
}

/**
 * Opens a model's folder with `onnx/model.onnx` (a cache in it) for likelihoods.
 * @throws EvaluateError (`input`) where it is none, or reads a source; RuntimeError where it does not load.
 */
export async function loadLikelihoodModel(folder: string, session: SessionOptions = {}): Promise<LikelihoodModel> {
  const graphs = await openTextGraphs(folder, session);
  const close = async () => graphs[Symbol.asyncDispose]();
  if (graphs.encoder) {
    await close();
    throw new EvaluateError(
      'input',
      `model: expected one that goes on with a text, got an encoder and a decoder (${folder}); their texts are scored by translation and summarization`,
    );
  }
  // A window by itself says how large the vocabulary is, and with that how many may be scored at once.
  let most = 0;
  const score = async (windows: readonly TokenWindow[]): Promise<number[]> => {
    const sums: number[] = [];
    while (sums.length < windows.length) {
      const count = Math.max(1, Math.floor(most / windows[sums.length]!.tokens.length));
      const scored = await windowScores(graphs.decoder, windows.slice(sums.length, sums.length + count));
      sums.push(...scored.sums);
      most = Math.floor(MOST_LOGITS / scored.vocabulary);
    }
    return sums;
  };
  return { score, close, [Symbol.asyncDispose]: close };
}

/** Logits that are held at once: 256 MB. */
const MOST_LOGITS = 2 ** 26;

async function windowScores(
  { inference, inputs, cache }: TokenGraph,
  windows: readonly TokenWindow[],
): Promise<{ readonly sums: number[]; readonly vocabulary: number }> {
  const rows = windows.map(({ tokens }) => Array.from(tokens));
  const side = { side: 'right', value: 0 } as const;
  const given = {
    input_ids: () => integerRows('int64', rows, side),
    attention_mask: () =>
      integerRows(
        'int64',
        rows.map((row) => row.map(() => 1)),
        side,
      ),
    position_ids: () =>
      integerRows(
        'int64',
        rows.map((row) => row.map((_, at) => at)),
        side,
      ),
  };
  const feeds = new Map(cache.map((entry) => [entry.input, emptyCache(entry, rows.length)]));
  for (const [name, make] of Object.entries(given)) if (inputs.has(name)) feeds.set(name, make());
  if (inputs.has('use_cache_branch'))
    throw new EvaluateError('input', 'model: expected a graph without use_cache_branch, got one; convert the model');
  const logits = (await inference.run(feeds, ['logits'])).get('logits')!;
  const [, length = 0, vocabulary = 0] = logits.dims;
  const values = floatLogits(logits);
  const sums = windows.map(({ tokens, scored }, row) => {
    let sum = 0;
    for (let at = tokens.length - scored; at < tokens.length; at++) {
      const start = (row * length + at - 1) * vocabulary;
      sum += negativeLogLikelihood(values.subarray(start, start + vocabulary), tokens[at]!);
    }
    if (!Number.isFinite(sum))
      throw new EvaluateError('job', `perplexity: expected finite logits, got ${sum}; the model has diverged`);
    return Math.fround(sum);
  });
  return { sums, vocabulary };
}

function negativeLogLikelihood(logits: Float32Array, token: number): number {
  // Plain loops: iterators and callbacks over a vocabulary cost more than the model does.
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) if (logits[i]! > largest) largest = logits[i]!;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - largest);
  return largest + Math.log(sum) - logits[token]!;
}

/** What stands between texts that are joined, as in transformers' guide to perplexity. */
const BETWEEN = '\n\n';

/**
 * The windows of a task's texts, in their order; a text of less than two tokens has none.
 * @throws EvaluateError (`input`) for a stride longer than the windows.
 */
export function likelihoodWindows(
  { documents }: Pick<FoundTextTask, 'documents'>,
  rows: readonly TextRow[],
  tokenizer: TextTokenizer,
  { maxLength, stride }: { readonly maxLength: number; readonly stride: number },
): readonly TokenWindow[] {
  const texts = documents === 'joined' ? [{ id: 0, source: rows.map(({ source }) => source).join(BETWEEN) }] : rows;
  return texts.flatMap(({ id, source }) => {
    const { inputIds } = tokenizer.encode(source, undefined, Number.MAX_SAFE_INTEGER);
    return slidingWindows(inputIds.length, maxLength, stride)
      .filter(({ scored }) => scored > 0)
      .map(({ begin, end, scored }): TokenWindow => ({ text: id, tokens: inputIds.subarray(begin, end), scored }));
  });
}

/** Settings of `scoreLikelihoods`. */
export interface ScoreLikelihoodsOptions {
  readonly split: string;
  readonly batchSize: number;
  readonly log?: BatchLog | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: ScoreEvent) => void) | undefined;
}

/** Asks a model for the likelihoods of windows, those of like length together; one prediction a text, or a window where all texts are one. */
export async function scoreLikelihoods(
  task: Pick<FoundTextTask, 'name' | 'documents'>,
  windows: readonly TokenWindow[],
  score: LikelihoodModel['score'],
  { split, batchSize, log, signal, onEvent }: ScoreLikelihoodsOptions,
): Promise<readonly LikelihoodPrediction[]> {
  const sums = new Array<number>(windows.length);
  let done = 0;
  for (const places of batchesByLength(
    windows.map(({ tokens }) => tokens.length),
    batchSize,
  )) {
    signal?.throwIfAborted();
    const found = log?.find(places)?.map(([sum]) => sum!);
    const own = found ?? (await score(places.map((place) => windows[place]!)));
    if (!found)
      await log?.add(
        places,
        own.map((sum) => [sum]),
      );
    for (const [i, place] of places.entries()) sums[place] = own[i]!;
    done += places.length;
    onEvent?.({ type: 'evaluate', task: task.name, split, done, total: windows.length });
  }
  const parts = windows.map(({ text, scored }, i) => ({
    id: task.documents === 'joined' ? i : text,
    tokens: scored,
    nll: sums[i]!,
  }));
  return mergedById(parts);
}

function mergedById(parts: readonly LikelihoodPrediction[]): LikelihoodPrediction[] {
  const merged = new Map<number, LikelihoodPrediction>();
  for (const { id, tokens, nll } of parts) {
    const { tokens: before = 0, nll: sum = 0 } = merged.get(id) ?? {};
    merged.set(id, { id, tokens: before + tokens, nll: Math.fround(sum + nll) });
  }
  return [...merged.values()];
}

/** Perplexity of predictions, and how it was computed. */
export function perplexityOf(
  predictions: readonly LikelihoodPrediction[],
  { documents, maxLength, stride }: { readonly documents: string; readonly maxLength: number; readonly stride: number },
) {
  const sums = predictions.map(({ nll }) => nll);
  const tokens = predictions.map((row) => row.tokens);
  return {
    metrics: metrics.perplexity(sums, tokens) as Readonly<Record<string, number>>,
    signatures: { perplexity: signature({ texts: documents, window: maxLength, stride }) },
  };
}
