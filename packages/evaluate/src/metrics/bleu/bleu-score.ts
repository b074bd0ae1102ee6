/** How n-gram orders without a match count: Chen and Cherry, "A systematic comparison of smoothing techniques for sentence-level BLEU" (2014). */
export type BleuSmoothing = 'exp' | 'floor' | 'add-k' | 'none';

/** Values that `smoothValue` has by default; undefined where the method takes none. */
export const smoothDefaults = {
  exp: undefined,
  floor: 0.1,
  'add-k': 1,
  none: undefined,
} as const satisfies Record<BleuSmoothing, number | undefined>;

/** BLEU with what it is made of. */
export interface BleuScore {
  /** 0…100. */
  readonly score: number;
  /** Matched n-grams by order, from 1; with `add-k`, k more from order 2 on. */
  readonly counts: readonly number[];
  /** N-grams in the predictions, likewise. */
  readonly totals: readonly number[];
  /** In percent. */
  readonly precisions: readonly number[];
  readonly brevityPenalty: number;
  readonly predictionLength: number;
  readonly referenceLength: number;
}

/** What `bleuFromCounts` needs of the options. */
export interface BleuSmoothingOptions {
  readonly smoothMethod: BleuSmoothing;
  readonly smoothValue: number | undefined;
  readonly effectiveOrder: boolean;
}

const flooredLog = (value: number): number => (value === 0 ? -9_999_999_999 : Math.log(value));

function brevity(prediction: number, reference: number): number {
  if (prediction >= reference) return 1;
  return prediction > 0 ? Math.exp(1 - reference / prediction) : 0;
}

/** BLEU of summed counts: the two lengths, then matches and totals of every order (sacreBLEU's `compute_bleu`). */
export function bleuFromCounts(sums: Float64Array, options: BleuSmoothingOptions): BleuScore {
  const { smoothMethod, effectiveOrder } = options;
  const smoothValue = options.smoothValue ?? smoothDefaults[smoothMethod] ?? 0;
  const orders = (sums.length - 2) / 2;
  const counts = [...sums.subarray(2, 2 + orders)];
  const totals = [...sums.subarray(2 + orders)];
  const [predictionLength, referenceLength] = [sums[0]!, sums[1]!];
  const precisions = new Array<number>(orders).fill(0);
  const brevityPenalty = brevity(predictionLength, referenceLength);
  const rest = { counts, totals, precisions, brevityPenalty, predictionLength, referenceLength };
  if (counts.every((count) => count === 0)) return { score: 0, ...rest };
  let halved = 1;
  let last = orders;
  for (let n = 0; n < orders; n++) {
    if (smoothMethod === 'add-k' && n > 0) {
      counts[n]! += smoothValue;
      totals[n]! += smoothValue;
    }
    if (totals[n] === 0) break;
    if (effectiveOrder) last = n + 1;
    if (counts[n] !== 0) precisions[n] = (100 * counts[n]!) / totals[n]!;
    else if (smoothMethod === 'exp') {
      halved *= 2;
      precisions[n] = 100 / (halved * totals[n]!);
    } else if (smoothMethod === 'floor') precisions[n] = (100 * smoothValue) / totals[n]!;
  }
  const logs = precisions.slice(0, last).reduce((sum, value) => sum + flooredLog(value), 0);
  return { score: brevityPenalty * Math.exp(logs / last), ...rest };
}
