import { codeOf } from '../builder.js';
import type { DType } from '../dtype.js';
import type { Value } from '../model.js';
import { countTo, type DecomposeContext, extent } from './context.js';

/** Attention over heads; all of [batch, heads, sequence, size]. */
export interface Attended {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
  /** 1/√size where undefined. */
  readonly scale: number | undefined;
  /** Query heads that share a key's; 1 for none. */
  readonly group: number;
  /** What is added to the scores. */
  readonly biases: readonly Value[];
  /** cap·tanh(score/cap), before the biases or after them; 0 for none. */
  readonly softcap: number;
  readonly capFirst: boolean;
  /** A score that only takes its share: [1, heads, 1, 1] or a scalar. */
  readonly sink?: Value | undefined;
  readonly precision?: DType | undefined;
}

/** The result and the scores on the way to it. */
export interface Scores {
  /** [batch, heads, sequence, size]. */
  readonly y: Value;
  readonly raw: Value;
  readonly biased: Value;
  readonly capped: Value;
  readonly weights: Value;
}

/** [batch, sequence, heads·size] as [batch, heads, sequence, size]. */
export const split = ({ op, builder }: DecomposeContext, x: Value, heads: number): Value =>
  op.Transpose(op.Reshape(x, builder.ints(0, 0, heads, -1)), { perm: [0, 2, 1, 3] });

/** [batch, heads, sequence, size] as [batch, sequence, heads·size]. */
export const merge = ({ op, builder }: DecomposeContext, x: Value): Value =>
  op.Reshape(op.Transpose(x, { perm: [0, 2, 1, 3] }), builder.ints(0, 0, -1));

/** Each key head as often as query heads share it, one behind the other. */
function repeated({ op, builder }: DecomposeContext, x: Value, group: number): Value {
  if (group === 1) return x;
  const wide = op.Expand(op.Unsqueeze(x, builder.ints(2)), builder.ints(1, 1, group, 1, 1));
  const heads = op.Mul(op.Shape(x, { start: 1, end: 2 }), builder.ints(group));
  const shape = op.Concat([op.Shape(x, { end: 1 }), heads, op.Shape(x, { start: 2 })], { axis: 0 });
  return op.Reshape(wide, shape);
}

function scaled(c: DecomposeContext, q: Value, scale: number | undefined): Value {
  const { op } = c;
  const size = q.shape?.[3];
  if (scale !== undefined) return op.Mul(q, scale);
  if (typeof size === 'number') return op.Mul(q, 1 / Math.sqrt(size));
  return op.Div(q, op.Sqrt(op.Cast(extent(c, q, 3), { to: codeOf(q.dtype ?? 'float32') })));
}

function normalized(c: DecomposeContext, scores: Value, sink: Value | undefined): Value {
  const { op, builder } = c;
  if (!sink) return op.Softmax(scores, { axis: -1 });
  const shape = op.Concat([op.Shape(scores, { end: 3 }), builder.ints(1)], { axis: 0 });
  const all = op.Softmax(op.Concat([scores, op.Expand(sink, shape)], { axis: -1 }), { axis: -1 });
  return op.Slice(all, builder.ints(0), builder.ints(-1), builder.ints(-1));
}

/** softmax(cap(q·kᵀ·scale + biases))·v. */
export function attend(c: DecomposeContext, given: Attended): Scores {
  const { op } = c;
  const { q, group, biases, softcap, capFirst, precision } = given;
  const [k, v] = [given.k, given.v].map((x) => repeated(c, x, group)) as [Value, Value];
  const cap = (x: Value) => (softcap > 0 ? op.Mul(op.Tanh(op.Div(x, softcap)), softcap) : x);
  const raw = op.MatMul(scaled(c, q, given.scale), op.Transpose(k, { perm: [0, 1, 3, 2] }));
  const first = capFirst ? cap(raw) : raw;
  const biased = biases.reduce((sum, b) => op.Add(sum, b), first);
  const capped = capFirst ? biased : cap(biased);
  const isCast = precision !== undefined && precision !== q.dtype;
  const exact = normalized(c, isCast ? op.Cast(capped, { to: codeOf(precision) }) : capped, given.sink);
  const weights = isCast ? op.Cast(exact, { to: codeOf(q.dtype ?? 'float32') }) : exact;
  return { y: op.MatMul(weights, v), raw, biased, capped: capFirst ? first : capped, weights };
}

/** True where key j is not after query i + past: [sequence, total]. */
export function causal(c: DecomposeContext, q: Value, k: Value, past: Value | undefined): Value {
  const { op, builder } = c;
  const rows = op.Unsqueeze(countTo(c, extent(c, q, 2)), builder.ints(1));
  return op.LessOrEqual(countTo(c, extent(c, k, 2)), past ? op.Add(rows, past) : rows);
}
