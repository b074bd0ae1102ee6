/** One padded batch of token rows, as tasks make them and training steps take them. */
export interface Batch {
  /** B: rows, filler rows included. */
  readonly rows: number;
  /** S: tokens a row, padding included. */
  readonly length: number;
  /** `input_ids`, `attention_mask`, `token_type_ids` and the like: [B·S], row-major. */
  readonly inputs: Readonly<Record<string, Int32Array>>;
  /** What a teacher says of the batch, by input name: `teacher.logits` [B·classes], `teacher.<value>` [B·S·d]. */
  readonly teacher?: Readonly<Record<string, Float32Array>>;
  /** [B]: class index (Int32Array) or regression score (Float32Array). */
  readonly labels: Int32Array | Float32Array;
  /** [B]: 1 where a row counts in the loss, 0 for a filler row. */
  readonly weights: Float32Array;
  /** Tokens that are not padding. */
  readonly tokens: number;
  /** Where its rows stand in the data, from 0, filler rows left out; for messages. */
  readonly numbers?: readonly number[];
}
