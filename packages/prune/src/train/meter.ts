import { type Batch, tokensIn } from '@neuroprune/runtime';

interface Chunk {
  readonly steps: number;
  readonly ms: number;
}

/** What a meter goes on from. */
export interface MeterState {
  readonly tokens: number;
  readonly computedTokens: number;
  readonly paddedTokens: number;
  readonly examples: number;
  readonly chunks: readonly Chunk[];
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** Counts tokens and times chunks over a run. */
export class Meter {
  tokens = 0;
  computedTokens = 0;
  paddedTokens = 0;
  private examples = 0;
  private readonly chunks: Chunk[] = [];

  constructor(private readonly maxLength: number) {}

  /** All counts and times, as JSON. */
  save(): MeterState {
    const { tokens, computedTokens, paddedTokens, examples, chunks } = this;
    return { tokens, computedTokens, paddedTokens, examples, chunks: [...chunks] };
  }

  /** Goes on from counts and times that were saved. */
  restore({ chunks, ...counts }: MeterState): void {
    Object.assign(this, counts);
    this.chunks.splice(0, this.chunks.length, ...chunks);
  }

  /** Adds a chunk's batches, the time they took, and the steps that they make. */
  add(batches: readonly Batch[], ms: number, steps = batches.length): void {
    this.chunks.push({ steps, ms });
    for (const batch of batches) {
      const { rows, tokens, weights, lengths = {} } = batch;
      this.examples += weights.reduce((sum, weight) => sum + Number(weight > 0), 0);
      this.tokens += tokens;
      this.computedTokens += tokensIn(batch);
      this.paddedTokens += rows * this.maxLength * (1 + Object.keys(lengths).length);
    }
  }

  /** Milliseconds a step in the last chunk; undefined before the first. */
  get lastStepMs(): number | undefined {
    const chunk = this.chunks.at(-1);
    return chunk && chunk.ms / chunk.steps;
  }

  /** Seconds spent in steps. */
  get seconds(): number {
    return this.chunks.reduce((sum, { ms }) => sum + ms, 0) / 1000;
  }

  /** Rows that count in the loss, a second. */
  get examplesPerSecond(): number {
    return this.examples / this.seconds;
  }

  /** Median milliseconds a step over the first and the last tenth of the chunks; the very first warms up. */
  get stepMs(): { first: number; last: number } {
    const timed = this.chunks.length > 1 ? this.chunks.slice(1) : this.chunks;
    const each = timed.map(({ steps, ms }) => ms / steps);
    const tenth = Math.max(1, Math.ceil(each.length / 10));
    return { first: median(each.slice(0, tenth)), last: median(each.slice(-tenth)) };
  }
}
