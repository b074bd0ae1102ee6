/** A text in the making. */
export interface Hypothesis {
  /** Tokens of the decoder, the prompt's included, padding not. */
  readonly tokens: readonly number[];
  /** How many of them were written. */
  readonly written: number;
  /** Sum of log-probabilities, divided by a power of the length once it is finished; 0 throughout greedy search. */
  readonly score: number;
}

/** A prompt as a hypothesis. */
export const unwritten = (tokens: readonly number[]): Hypothesis => ({ tokens, written: 0, score: 0 });

/** A hypothesis with one token more. */
export const extended = ({ tokens, written }: Hypothesis, token: number, score: number): Hypothesis => ({
  tokens: [...tokens, token],
  written: written + 1,
  score,
});
