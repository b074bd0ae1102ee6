import type { Value } from '../model.js';
import {
  bias,
  countTo,
  type DecomposeContext,
  type Decomposition,
  extent,
  isRead,
  operand,
  refuse,
  setting,
  shapeOf,
} from './context.js';
import { attend, causal, merge, split } from './scores.js';

/** [batch, sequence, heads, n, size] as n times [batch, heads, sequence, size]. */
function unpacked({ op, builder }: DecomposeContext, x: Value, n: number): Value[] {
  const parts = op.Split(x, { axis: 3, num_outputs: n });
  return parts.map((v) => op.Transpose(op.Squeeze(v, builder.ints(3)), { perm: [0, 2, 1, 3] }));
}

/** The parts of the projections' bias that belong to query, key and value, each [1, heads, 1, size]. */
function projectionBias(c: DecomposeContext, all: Value, hidden: number, heads: number): Value[] {
  const { op, builder } = c;
  const total = all.shape?.[0];
  if (typeof total !== 'number') return refuse(c, 'expected a bias of known length, got none');
  const parts = op.Split(all, builder.ints(hidden, hidden, total - 2 * hidden), { axis: 0 });
  return parts.map((v) => op.Reshape(v, builder.ints(1, heads, 1, -1)));
}

/** Query, key and value in heads, of any of the forms that the operator takes, without the bias. */
function operands(c: DecomposeContext, heads: number): readonly [Value, Value, Value] {
  const [query, key, value] = [operand(c, 0), c.node.inputs[1], c.node.inputs[2]];
  if (shapeOf(c, query).length === 5) return unpacked(c, query, 3) as [Value, Value, Value];
  const q = split(c, query, heads);
  if (!key) return refuse(c, 'expected a key beside a query of three axes, got none');
  if (shapeOf(c, key).length === 5) return [q, ...(unpacked(c, key, 2) as [Value, Value])];
  if (!value) return refuse(c, 'expected a value beside the key, got none');
  return shapeOf(c, key).length === 4 ? [q, key, value] : [q, split(c, key, heads), split(c, value, heads)];
}

function biased(c: DecomposeContext, given: readonly [Value, Value, Value], heads: number): readonly Value[] {
  const all = c.node.inputs[3];
  if (!all) return given;
  const query = shapeOf(c, operand(c, 0));
  const hidden = query.length === 5 ? heads * Number(query[4]) : query[2];
  if (typeof hidden !== 'number' || Number.isNaN(hidden))
    return refuse(c, 'expected a query of known size beside a bias, got none');
  // A key that comes in heads has its bias already.
  const inHeads = c.node.inputs[1]?.shape?.length === 4;
  return projectionBias(c, all, hidden, heads).map((b, i) =>
    i > 0 && inHeads ? (given[i] as Value) : c.op.Add(given[i] as Value, b),
  );
}

/** A key padding mask as what is added to the scores: lengths ([batch] or [3·batch + 2]), [batch, total], or [batch, sequence, total]. */
function paddingBias(c: DecomposeContext, mask: Value, keys: Value): Value {
  const { op, builder } = c;
  const filter = setting(c, 'mask_filter_value', -10000);
  const shape = shapeOf(c, mask);
  if (shape.length === 1) {
    const batch = keys.shape?.[0];
    // After the lengths there may be where each row begins, for query and key, which says the same again.
    const isLong = typeof batch !== 'number' || shape[0] !== batch;
    const first = isLong ? op.Slice(mask, builder.ints(0), op.Shape(keys, { end: 1 })) : mask;
    const lengths = op.Reshape(op.Cast(first, { to: 7 }), builder.ints(-1, 1, 1, 1));
    return bias(c, op.Less(countTo(c, extent(c, keys, 2)), lengths), filter, keys);
  }
  const holds = op.Unsqueeze(op.Cast(mask, { to: 9 }), builder.ints(...(shape.length === 2 ? [1, 2] : [1])));
  return bias(c, holds, filter, keys);
}

/** com.microsoft.MultiHeadAttention, but for caches that several steps share. */
export const multiHeadAttention: Decomposition = (c) => {
  const { op, node } = c;
  for (const [i, name] of [
    [8, 'past_sequence_length'],
    [9, 'cache_indirection'],
  ] as const) {
    if (node.inputs[i]) refuse(c, `expected no '${name}', got one; export the model without buffers shared by steps`);
  }
  const heads = setting(c, 'num_heads', 1);
  const [q, k, v] = biased(c, operands(c, heads), heads) as [Value, Value, Value];
  const [pastKey, pastValue] = [node.inputs[6], node.inputs[7]];
  const keys = pastKey ? op.Concat([pastKey, k], { axis: 2 }) : k;
  const values = pastValue ? op.Concat([pastValue, v], { axis: 2 }) : v;
  const biases: Value[] = [];
  if (node.inputs[4]) biases.push(paddingBias(c, node.inputs[4], keys));
  if (setting(c, 'unidirectional', 0) === 1) {
    const past = pastKey && extent(c, pastKey, 2);
    biases.push(bias(c, causal(c, q, keys, past), -3e38, q));
  }
  if (node.inputs[5]) biases.push(node.inputs[5]);
  const scale = setting(c, 'scale', 0) || undefined;
  const { y, raw } = attend(c, { q, k: keys, v: values, scale, group: 1, biases, softcap: 0, capFirst: false });
  return [merge(c, y), keys, values, isRead(c, 3) ? raw : undefined];
};
