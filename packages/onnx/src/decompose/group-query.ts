import type { Value } from '../model.js';
import {
  bias,
  countTo,
  type DecomposeContext,
  type Decomposition,
  isRead,
  operand,
  refuse,
  setting,
  shapeOf,
} from './context.js';
import { rootMeanSquare } from './normalization.js';
import { rotated } from './rotary.js';
import { attend, merge, split } from './scores.js';

/** Attributes and operands of caches that are not written out, with what they must be. */
const plain = { k_quant_type: 'NONE', v_quant_type: 'NONE', sliding_window_cache: 0, kv_cache_bit_width: 0 } as const;
const absent = { 12: 'k_scale', 13: 'v_scale' } as const;

function refuseOthers(c: DecomposeContext): void {
  for (const [name, expected] of Object.entries(plain)) {
    const got = c.node.attributes[name]?.value ?? expected;
    if (got !== expected) refuse(c, `expected '${name}' ${expected}, got ${String(got)}`);
  }
  for (const [i, name] of Object.entries(absent)) {
    if (c.node.inputs[Number(i)]) refuse(c, `expected no '${name}', got one`);
  }
}

/** Query, key and value as [batch, heads, sequence, size], apart or packed into the query. */
function operands(c: DecomposeContext, heads: number, groups: number): [Value, Value, Value] {
  const { op, builder, node } = c;
  const query = operand(c, 0);
  const [, key, value] = node.inputs;
  if (key && value) return [split(c, query, heads), split(c, key, groups), split(c, value, groups)];
  const all = split(c, query, heads + 2 * groups);
  return op.Split(all, builder.ints(heads, groups, groups), { axis: 1 }) as [Value, Value, Value];
}

/** What the lengths say of each row: how much was cached before, [batch], and how much there is now. */
interface Lengths {
  readonly past: Value;
  readonly now: Value;
  /** The most of any row, a vector of one. */
  readonly total: Value;
}

function lengths(c: DecomposeContext, k: Value): Lengths {
  const { op, builder, node } = c;
  const sequence = op.Shape(k, { start: 2, end: 3 });
  const total = op.Reshape(op.Cast(operand(c, 6), { to: 7 }), builder.ints(1));
  const last = op.Reshape(op.Cast(operand(c, 5), { to: 7 }), builder.ints(-1));
  const now = op.Add(last, builder.scalar(1, 'int64'));
  const none = op.Mul(now, builder.scalar(0, 'int64'));
  // A prompt starts a row anew, whatever room the cache has.
  const past = node.inputs[3] ? op.Where(op.Equal(sequence, total), none, op.Sub(now, sequence)) : none;
  return { past, now, total };
}

/** Rows of the cache, then the new ones, from where each row's cache ends. */
function extended(c: DecomposeContext, cache: Value | undefined, now: Value, { past, total }: Lengths): Value {
  const { op, builder } = c;
  if (!cache) return now;
  const room = op.Shape(cache, { start: 2, end: 3 });
  const end = op.Sub(op.Add(room, op.Shape(now, { start: 2, end: 3 })), builder.scalar(1, 'int64'));
  const length = op.Squeeze(op.Max([room, total]), builder.ints(0));
  const at = op.Unsqueeze(countTo(c, length), builder.ints(0));
  const from = op.Unsqueeze(past, builder.ints(1));
  const moved = op.Where(op.Less(at, from), at, op.Min([op.Add(op.Sub(at, from), room), end]));
  const index = op.Unsqueeze(moved, builder.ints(1, 3));
  const ones = builder.ints(1);
  const shape = op.Concat([ones, op.Shape(now, { start: 1, end: 2 }), ones, op.Shape(now, { start: 3 })], { axis: 0 });
  return op.GatherElements(op.Concat([cache, now], { axis: 2 }), op.Expand(index, shape), { axis: 2 });
}

/** Positions of the new tokens, [batch, sequence]. */
function positions(c: DecomposeContext, q: Value, { past }: Lengths): Value {
  const { op, builder } = c;
  const tokens = countTo(c, op.Squeeze(op.Shape(q, { start: 2, end: 3 }), builder.ints(0)));
  return op.Add(op.Unsqueeze(past, builder.ints(1)), tokens);
}

/** Each head by its root mean square, times a weight of its size; before the rotation. */
function normalized(c: DecomposeContext, x: Value, weight: Value | undefined): Value {
  return weight ? rootMeanSquare(c, x, weight, -1, setting(c, 'qk_norm_epsilon', 1e-6))[0] : x;
}

function rotatedBoth(c: DecomposeContext, q: Value, k: Value, at: Value): Value[] {
  const { op, node } = c;
  const [cos, sin] = [node.inputs[7], node.inputs[8]];
  if (!cos || !sin) return refuse(c, "expected 'cos_cache' and 'sin_cache' beside 'do_rotary', got none");
  const half = cos.shape?.[1];
  if (typeof half !== 'number') return refuse(c, "expected 'cos_cache' of known size, got none");
  const rotation = {
    cos: op.Gather(cos, node.inputs[9] ?? at, { axis: 0 }),
    sin: op.Gather(sin, node.inputs[9] ?? at, { axis: 0 }),
    interleaved: setting(c, 'rotary_interleaved', 0) === 1,
  };
  return [q, k].map((x) => rotated(c, x, { ...rotation, dims: x.shape?.[3] === 2 * half ? undefined : 2 * half }));
}

/** Which keys a query sees: those up to itself, of the last `local_window_size` where that is set; [batch, 1, sequence, total]. */
function seen(c: DecomposeContext, keys: Value, at: Value, { now }: Lengths): Value {
  const { op, builder } = c;
  const columns = countTo(c, op.Squeeze(op.Shape(keys, { start: 2, end: 3 }), builder.ints(0)));
  if (setting(c, 'causal', 1) === 0) return op.Less(columns, op.Reshape(now, builder.ints(-1, 1, 1, 1)));
  const rows = op.Unsqueeze(at, builder.ints(1, 3));
  const before = op.LessOrEqual(columns, rows);
  const window = setting(c, 'local_window_size', -1);
  if (window < 0) return before;
  const first = op.Sub(rows, builder.scalar(window, 'int64'));
  return op.And(before, op.Greater(columns, first));
}

function sinkOf({ op, builder, node }: DecomposeContext, isSmooth: boolean, like: Value): Value | undefined {
  if (node.inputs[11]) return op.Reshape(node.inputs[11], builder.ints(1, -1, 1, 1));
  return isSmooth ? builder.scalar(0, like.dtype) : undefined;
}

/** com.microsoft.GroupQueryAttention over caches of floats. */
export const groupQueryAttention: Decomposition = (c) => {
  const { op, builder, node } = c;
  refuseOthers(c);
  shapeOf(c, operand(c, 0));
  const [heads, groups] = [setting(c, 'num_heads', 1), setting(c, 'kv_num_heads', 1)];
  const [plainQuery, plainKey, v] = operands(c, heads, groups);
  const [query, key] = [normalized(c, plainQuery, node.inputs[14]), normalized(c, plainKey, node.inputs[15])];
  const rows = lengths(c, key);
  const at = positions(c, query, rows);
  const turned = setting(c, 'do_rotary', 0) === 1;
  const [q, k] = (turned ? rotatedBoth(c, query, key, at) : [query, key]) as [Value, Value];
  const [keys, values] = [extended(c, node.inputs[3], k, rows), extended(c, node.inputs[4], v, rows)];
  // A cache may have more room than there are tokens.
  const used = (x: Value) => (node.inputs[3] ? op.Slice(x, builder.ints(0), rows.total, builder.ints(2)) : x);
  const inSight = seen(c, used(keys), at, rows);
  const biases = [bias(c, inSight, Number.NEGATIVE_INFINITY, q)];
  if (node.inputs[10]) biases.unshift(node.inputs[10]);
  const { y, capped, weights } = attend(c, {
    q,
    k: used(keys),
    v: used(values),
    scale: setting(c, 'scale', 0) || undefined,
    group: heads / groups,
    biases,
    softcap: setting(c, 'softcap', 0),
    capFirst: true,
    sink: sinkOf(c, setting(c, 'smooth_softmax', 0) === 1, q),
  });
  const scores = () =>
    setting(c, 'qk_output', 0) === 2 ? weights : op.Where(inSight, capped, builder.scalar(0, q.dtype));
  return [merge(c, y), keys, values, isRead(c, 3) ? scores() : undefined];
};
