import { packedSizes } from '../infer/contrib.js';
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

/** The parts of the projections' bias that belong to query, key and value. */
function projectionBias(c: DecomposeContext, all: Value, hidden: number): Value[] {
  const { op, builder } = c;
  const total = all.shape?.[0];
  if (typeof total !== 'number') return refuse(c, 'expected a bias of known length, got none');
  return op.Split(all, builder.ints(hidden, hidden, total - 2 * hidden), { axis: 0 });
}

/** What the projections' bias adds to the operand at an index; a key that comes in heads has its bias already. */
function biasOf(c: DecomposeContext, heads: number): (index: number) => Value | undefined {
  const all = c.node.inputs[3];
  if (!all) return () => undefined;
  const query = shapeOf(c, operand(c, 0));
  const hidden = query.length === 5 ? heads * Number(query[4]) : query[2];
  if (typeof hidden !== 'number' || Number.isNaN(hidden))
    return refuse(c, 'expected a query of known size beside a bias, got none');
  const parts = projectionBias(c, all, hidden);
  const inHeads = c.node.inputs[1]?.shape?.length === 4;
  return (index) => (index > 0 && inHeads ? undefined : parts[index]);
}

/** Query, key and value in heads, of any of the forms that the operator takes, the bias added. */
function operands(c: DecomposeContext, heads: number): readonly [Value, Value, Value] {
  const { op, builder } = c;
  const [query, key, value] = [operand(c, 0), c.node.inputs[1], c.node.inputs[2]];
  const bias = biasOf(c, heads);
  /** Added in heads: [1, heads, 1, size]. */
  const inHeads = (parts: readonly Value[], from: number) =>
    parts.map((part, i) => {
      const b = bias(from + i);
      return b ? op.Add(part, op.Reshape(b, builder.ints(1, heads, 1, -1))) : part;
    });
  /** Added before the heads are taken apart, as layers do it. */
  const apart = (x: Value, index: number) => {
    const b = bias(index);
    return split(c, b ? op.Add(x, b) : x, heads);
  };
  if (shapeOf(c, query).length === 5) return inHeads(unpacked(c, query, 3), 0) as [Value, Value, Value];
  const q = apart(query, 0);
  if (!key) return refuse(c, 'expected a key beside a query of three axes, got none');
  if (shapeOf(c, key).length === 5) return [q, ...(inHeads(unpacked(c, key, 2), 1) as [Value, Value])];
  if (!value) return refuse(c, 'expected a value beside the key, got none');
  return shapeOf(c, key).length === 4 ? [q, key, value] : [q, apart(key, 1), apart(value, 2)];
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

/**
 * com.microsoft.Attention: query, key and value from one product with the packed weights. Rotation, buffers shared by steps
 * and masks of four axes are refused.
 */
export const packedAttention: Decomposition = (c) => {
  const { op, builder, node } = c;
  if (setting(c, 'do_rotary', 0) === 1)
    refuse(c, 'expected no rotation, got do_rotary; export without fusing attention');
  if (node.inputs[6]) refuse(c, "expected no 'past_sequence_length', got one; export the model without a cache");
  const sizes = packedSizes(node) ?? refuse(c, 'expected weights of known width, got none');
  const heads = setting(c, 'num_heads', 1);
  const product = op.MatMul(operand(c, 0), operand(c, 1));
  const packed = node.inputs[2] ? op.Add(product, node.inputs[2]) : product;
  const parts = op.Split(packed, builder.ints(...sizes), { axis: 2 });
  const [q, k, v] = parts.map((part) => split(c, part, heads)) as [Value, Value, Value];
  const past = node.inputs[4] ? op.Split(node.inputs[4], { axis: 0, num_outputs: 2 }) : [];
  const [keys, values] = [k, v].map((now, i) =>
    past[i] ? op.Concat([op.Squeeze(past[i], builder.ints(0)), now], { axis: 2 }) : now,
  ) as [Value, Value];
  const biases: Value[] = [];
  if (node.inputs[3]) biases.push(indexBias(c, node.inputs[3], keys));
  if (setting(c, 'unidirectional', 0) === 1)
    biases.push(bias(c, causal(c, q, keys, past[0] && extent(c, op.Squeeze(past[0], builder.ints(0)), 2)), -3e38, q));
  if (node.inputs[5]) biases.push(node.inputs[5]);
  const scale = setting(c, 'scale', 0) || undefined;
  const { y } = attend(c, { q, k: keys, v: values, scale, group: 1, biases, softcap: 0, capFirst: false });
  const present = isRead(c, 1)
    ? op.Concat([op.Unsqueeze(keys, builder.ints(0)), op.Unsqueeze(values, builder.ints(0))], { axis: 0 })
    : undefined;
  return [merge(c, y), present];
};

/** A mask as `Attention` takes it: like a padding mask, but neither of four axes nor with starts behind the lengths. */
function indexBias(c: DecomposeContext, mask: Value, keys: Value): Value {
  const shape = shapeOf(c, mask);
  const batch = keys.shape?.[0];
  const doubled = shape.length === 1 && typeof batch === 'number' && shape[0] === 2 * batch;
  if (shape.length > 3 || doubled)
    return refuse(c, `expected a mask of lengths, [batch, total] or [batch, sequence, total], got [${shape}]`);
  return paddingBias(c, mask, keys);
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
  const [q, k, v] = operands(c, heads);
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
