import { performance } from 'node:perf_hooks';
import type { Batch } from '@neuroprune/runtime';

/** Milliseconds of a model for batches of one size and length. */
export interface Latency {
  readonly model: string;
  /** Execution provider and its number. */
  readonly device: string;
  readonly batch: number;
  /** Tokens a row, none of them padding. */
  readonly length: number;
  readonly warmUp: number;
  readonly repeats: number;
  /** Median, and the spread: lowest, quartiles, highest. */
  readonly medianMs: number;
  readonly spreadMs: readonly [lowest: number, firstQuartile: number, thirdQuartile: number, highest: number];
  /** Rows a second at the median. */
  readonly rowsPerSecond: number;
  /** Of a model that writes: tokens that it wrote for each row. */
  readonly newTokens?: number;
  /** New tokens a second at the median, reading the prompts included. */
  readonly tokensPerSecond?: number;
}

/** A model that is measured. */
export interface Measured extends AsyncDisposable {
  readonly model: string;
  /** Does all that is timed for so many rows of so many tokens. */
  readonly run: (rows: number, length: number) => Promise<unknown>;
  /** Tokens that it writes for each row, if it writes. */
  readonly newTokens?: number;
}

/** What is measured. */
export interface LatencyPlan {
  readonly device: string;
  readonly batches: readonly number[];
  readonly lengths: readonly number[];
  readonly repeats: number;
}

/** Runs before the first that counts. */
const WARM_UP = 3;

/** Ids that any vocabulary has. */
const TOKENS = 97;

/**
 * Measures models on batches of every size and length: they take turns, so that what else the machine does falls on all, and
 * each turn counts by itself.
 */
export async function measure(
  models: readonly Measured[],
  { device, batches, lengths, repeats }: LatencyPlan,
  signal: AbortSignal,
): Promise<Latency[]> {
  const rows: Latency[] = [];
  for (const length of lengths) {
    for (const rowCount of batches) {
      const times = models.map((): number[] => []);
      for (let turn = -WARM_UP; turn < repeats; turn++) {
        for (const [i, { run }] of models.entries()) {
          signal.throwIfAborted();
          const before = performance.now();
          await run(rowCount, length);
          if (turn >= 0) times[i]!.push(performance.now() - before);
        }
      }
      for (const [i, { model, newTokens }] of models.entries()) {
        const own = summary(times[i]!);
        const perSecond = (1000 * rowCount) / own.medianMs;
        const written = newTokens !== undefined && { newTokens, tokensPerSecond: rounded(perSecond * newTokens) };
        const rowsPerSecond = rounded(perSecond);
        rows.push({
          model,
          device,
          batch: rowCount,
          length,
          warmUp: WARM_UP,
          repeats,
          ...own,
          rowsPerSecond,
          ...written,
        });
      }
    }
  }
  return rows;
}

/** Ids for rows that are measured. */
export const measuredIds = (length: number): number[] => Array.from({ length }, (_, i) => i % TOKENS);

/** A batch that is measured, without padding. */
export function batchOf(rows: number, length: number): Batch {
  const size = rows * length;
  return {
    rows,
    length,
    inputs: {
      input_ids: Int32Array.from({ length: size }, (_, i) => i % TOKENS),
      attention_mask: new Int32Array(size).fill(1),
      token_type_ids: new Int32Array(size),
    },
    labels: new Int32Array(rows),
    weights: new Float32Array(rows).fill(1),
    tokens: size,
  };
}

/** Median and spread of times; a quantile between two times is a mean of them by its distance. */
export function summary(times: readonly number[]): Pick<Latency, 'medianMs' | 'spreadMs'> {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number => {
    const place = share * (sorted.length - 1);
    const [low, high] = [sorted[Math.floor(place)] ?? 0, sorted[Math.ceil(place)] ?? 0];
    return rounded(low + (high - low) * (place - Math.floor(place)));
  };
  return { medianMs: at(0.5), spreadMs: [at(0), at(0.25), at(0.75), at(1)] };
}

const rounded = (value: number): number => Number(value.toPrecision(4));
