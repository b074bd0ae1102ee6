import type { Value } from '../model.js';
import {
  countTo,
  type DecomposeContext,
  type Decomposition,
  extent,
  operand,
  refuse,
  setting,
  shapeOf,
} from './context.js';

/** How a vector's components are paired. */
interface Rotation {
  /** [batch, sequence, pairs], or with 1 as the batch. */
  readonly cos: Value;
  readonly sin: Value;
  /** Components 2i and 2i+1 are a pair; else i and i + half. */
  readonly interleaved: boolean;
  /** Components that are rotated, from the first on; undefined for all. */
  readonly dims: number | undefined;
}

/** Turns each pair of components: (a·cos - b·sin, a·sin + b·cos). `x` is [batch, heads, sequence, size]. */
export function rotated({ op, builder }: DecomposeContext, x: Value, { cos, sin, interleaved, dims }: Rotation): Value {
  const all = builder.ints(2 ** 40);
  const last = builder.ints(-1);
  const turned = dims === undefined ? x : op.Slice(x, builder.ints(0), builder.ints(dims), last);
  const paired = interleaved ? op.Reshape(turned, builder.ints(0, 0, 0, -1, 2)) : turned;
  const halves = op.Split(paired, { axis: -1, num_outputs: 2 });
  const [a, b] = halves.map((v) => (interleaved ? op.Squeeze(v, last) : v)) as [Value, Value];
  const [c, s] = [cos, sin].map((v) => op.Unsqueeze(v, builder.ints(1))) as [Value, Value];
  const results = [op.Sub(op.Mul(a, c), op.Mul(b, s)), op.Add(op.Mul(a, s), op.Mul(b, c))];
  const y = interleaved
    ? op.Reshape(
        op.Concat(
          results.map((v) => op.Unsqueeze(v, last)),
          { axis: -1 },
        ),
        builder.ints(0, 0, 0, -1),
      )
    : op.Concat(results, { axis: -1 });
  if (dims === undefined) return y;
  return op.Concat([y, op.Slice(x, builder.ints(dims), all, last)], { axis: -1 });
}

/** Rotates heads in either layout: [batch, heads, sequence, size], or [batch, sequence, heads·size]. */
function inHeads(c: DecomposeContext, x: Value, heads: readonly [number, number], rotation: Rotation): Value {
  const { op, builder } = c;
  if (shapeOf(c, x).length === 4) return rotated(c, x, rotation);
  const perm = [0, 2, 1, 3];
  const apart = op.Transpose(op.Reshape(x, builder.ints(0, 0, ...heads)), { perm });
  return op.Reshape(op.Transpose(rotated(c, apart, rotation), { perm }), builder.ints(0, 0, -1));
}

/** `RotaryEmbedding` of operator set 23. */
export const rotaryEmbedding: Decomposition = (c) => {
  const { op, node } = c;
  const [x, cos, sin] = [0, 1, 2].map((i) => operand(c, i)) as [Value, Value, Value];
  const positions = node.inputs[3];
  const at = (cache: Value) => (positions ? op.Gather(cache, positions, { axis: 0 }) : cache);
  const rotation = {
    cos: at(cos),
    sin: at(sin),
    interleaved: setting(c, 'interleaved', 0) === 1,
    dims: setting(c, 'rotary_embedding_dim', 0) || undefined,
  };
  const heads = setting(c, 'num_heads', 0);
  if (!heads && shapeOf(c, x).length === 3) refuse(c, "expected 'num_heads' with three axes, got none");
  return [inHeads(c, x, [heads, -1], rotation)];
};

/**
 * com.microsoft.RotaryEmbedding: positions of each token, or one offset for all rows. ONNX Runtime does nothing with
 * `scale`; `is_packed_batching` only lets the caches be shorter than the sequence.
 */
export const contribRotaryEmbedding: Decomposition = (c) => {
  const { op, builder } = c;
  const [x, positions, cos, sin] = [0, 1, 2, 3].map((i) => operand(c, i)) as [Value, Value, Value, Value];
  const isFlat = shapeOf(c, x).length === 3;
  const isOffset = shapeOf(c, positions).length === 1;
  const tokens = countTo(c, extent(c, x, isFlat ? 1 : 2));
  const each = isOffset ? op.Unsqueeze(op.Add(tokens, positions), builder.ints(0)) : positions;
  const dims = setting(c, 'rotary_embedding_dim', 0) || undefined;
  const heads = setting(c, 'num_heads', 0);
  const half = cos.shape?.[1];
  if (isFlat && !heads && typeof half !== 'number')
    refuse(c, "expected 'num_heads' or a known 'cos_cache', got neither");
  const split = heads ? ([heads, -1] as const) : ([-1, 2 * Number(half)] as const);
  const [cosines, sines] = [cos, sin].map((v) => op.Gather(v, each, { axis: 0 })) as [Value, Value];
  const interleaved = setting(c, 'interleaved', 0) === 1;
  return [inHeads(c, x, split, { cos: cosines, sin: sines, interleaved, dims })];
};
