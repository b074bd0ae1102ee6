/** One padded batch of token rows, as tasks make them and training steps take them. */
export interface Batch {
  /** B: rows, filler rows included. */
  readonly rows: number;
  /** S: tokens a row, padding included. */
  readonly length: number;
  /** Tokens a row along further axes, by the axis' name in the graph: `decoder_sequence` where one text is read and another written. */
  readonly lengths?: Readonly<Record<string, number>>;
  /** `input_ids`, `attention_mask`, `token_type_ids` and the like: [B·S], row-major; [B·T] along another axis. */
  readonly inputs: Readonly<Record<string, Int32Array>>;
  /** What a teacher says of the batch, by input name: `teacher.logits` [B·classes], `teacher.<value>` [B·S·d]. */
  readonly teacher?: Readonly<Record<string, Float32Array>>;
  /** [B]: class index (Int32Array) or regression score (Float32Array); each token's word, [B·S] or [B·T], of a loss over tokens. */
  readonly labels: Int32Array | Float32Array;
  /** [B]: 1 where a row counts in the loss, 0 for a filler row. */
  readonly weights: Float32Array;
  /** Tokens that are not padding. */
  readonly tokens: number;
  /** Where its rows stand in the data, from 0, filler rows left out; for messages. */
  readonly numbers?: readonly number[];
}

/** Tokens a row of a batch along an axis; those of its own where it names no such axis. */
export const lengthAlong = ({ length, lengths }: Pick<Batch, 'length' | 'lengths'>, axis?: string): number =>
  (axis === undefined ? undefined : lengths?.[axis]) ?? length;

/** Tokens that a batch takes up, padding and all axes included. */
export const tokensIn = ({ rows, length, lengths = {} }: Pick<Batch, 'rows' | 'length' | 'lengths'>): number =>
  rows * Object.values(lengths).reduce((sum, further) => sum + further, length);
