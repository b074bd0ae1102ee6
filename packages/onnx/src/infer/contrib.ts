import type { ContribType } from '../contrib.js';
import type { Node } from '../model.js';
import { broadcast, type Dim, product, quotient, type Shape } from '../shape.js';
import { extended, headsOf } from './attention.js';
import { same } from './elementwise.js';
import { matMulShape } from './linalg.js';
import { type InferRule, integersOf, numberAttribute, shapeAt, type TypeInfo } from './rule.js';

const joined: InferRule = (node) => {
  const [a, b] = [shapeAt(node, 0), shapeAt(node, 1)];
  return [{ dtype: node.inputs[0]?.dtype, shape: a && b && broadcast(a, b) }];
};

/** The normalized sum, its statistics, and the sum itself. */
const skipNormalization: InferRule = (node) => {
  const [x, skip] = [shapeAt(node, 0), shapeAt(node, 1)];
  const shape = x && skip && broadcast(x, skip);
  const dtype = node.inputs[0]?.dtype;
  const statistic: TypeInfo = { dtype: 'float32', shape: shape?.map((d, i) => (i === shape.length - 1 ? 1 : d)) };
  return [{ dtype, shape }, statistic, statistic, { dtype, shape }];
};

const SimplifiedLayerNormalization: InferRule = (node) => {
  const shape = shapeAt(node, 0);
  const axis = numberAttribute(node, 'axis', -1);
  const from = axis < 0 ? axis + (shape?.length ?? 0) : axis;
  return [
    { dtype: node.inputs[0]?.dtype, shape },
    { dtype: 'float32', shape: shape?.map((d, i) => (i >= from ? 1 : d)) },
  ];
};

/** The shape of an operand as `MatMul` takes it: the first axis moved behind the batch, the last two exchanged. */
function operandShape(shape: Shape | undefined, transBatch: boolean, trans: boolean): Shape | undefined {
  if (!shape || shape.length < 2) return shape;
  const [first = null, ...rest] = shape;
  const moved = transBatch ? [...rest.slice(0, -1), first, rest.at(-1) ?? null] : [...shape];
  const [rows = null, columns = null] = moved.splice(-2);
  return [...moved, ...(trans ? [columns, rows] : [rows, columns])];
}

const FusedMatMul: InferRule = (node) => {
  const is = (name: string) => numberAttribute(node, name, 0) === 1;
  const [a, b] = ['A', 'B'].map((x, i) => operandShape(shapeAt(node, i), is(`transBatch${x}`), is(`trans${x}`)));
  return [{ dtype: node.inputs[0]?.dtype, shape: matMulShape(node.opType, a, b) }];
};

/** [batch, sequence, heads·size] of scores over values, the cache and the scores. */
function attentionTypes(
  node: Node,
  q: Shape | undefined,
  keys: Shape | undefined,
  values: Shape | undefined,
): TypeInfo[] {
  const dtype = node.inputs[0]?.dtype;
  const y: Shape | undefined = q && values && [q[0] ?? null, q[2] ?? null, product([q[1] ?? null, values[3] ?? null])];
  const scores = q && [...q.slice(0, 3), keys?.[2] ?? null];
  return [y, keys, values, scores].map((shape) => ({ dtype, shape }));
}

const MultiHeadAttention: InferRule = (node) => {
  const heads = numberAttribute(node, 'num_heads', 1);
  const [query, key, value] = [0, 1, 2].map((i) => shapeAt(node, i));
  const unpacked = (s: Shape): Shape => [s[0] ?? null, s[2] ?? null, s[1] ?? null, s[4] ?? null];
  const form = (s: Shape | undefined) => (s?.length === 5 ? unpacked(s) : headsOf(s, heads));
  const isPacked = query?.length === 5;
  const q = form(query);
  const [k, v] = isPacked ? [q, q] : key?.length === 5 ? [form(key), form(key)] : [form(key), form(value)];
  const [keys, values] = [k, v].map((now, i) => extended(shapeAt(node, 6 + i), now, !!node.inputs[6 + i]));
  return attentionTypes(node, q, keys, values);
};

/** Lengths of query, key and value along the packed axis of the weights. */
export function packedSizes(node: Node): readonly number[] | undefined {
  const { qkv_hidden_sizes: sizes } = node.attributes;
  if (sizes?.type === 'ints' && sizes.value.length === 3) return sizes.value;
  const total = shapeAt(node, 1)?.[1];
  return typeof total === 'number' ? [total / 3, total / 3, total / 3] : undefined;
}

const Attention: InferRule = (node) => {
  const dtype = node.inputs[0]?.dtype;
  const x = shapeAt(node, 0);
  const heads = numberAttribute(node, 'num_heads', 1);
  const sizes = packedSizes(node);
  const [batch = null, sequence = null] = x ?? [];
  const total = node.inputs[4] ? null : sequence;
  const present: Shape = [2, batch, heads, total, quotient(sizes?.[1] ?? null, heads)];
  return [
    { dtype, shape: x && [batch, sequence, sizes?.[2] ?? null] },
    { dtype, shape: present },
  ];
};

/** The normalized sum, the length of each row, and the sum itself. */
const EmbedLayerNormalization: InferRule = (node) => {
  const [ids, table] = [shapeAt(node, 0), shapeAt(node, 2)];
  const shape = ids && [...ids, table?.[1] ?? null];
  const dtype = node.inputs[2]?.dtype;
  return [
    { dtype, shape },
    { dtype: 'int32', shape: ids?.slice(0, 1) },
    { dtype, shape },
  ];
};

const longer = (a: Dim, b: Dim): Dim => (typeof a === 'number' && typeof b === 'number' ? Math.max(a, b) : null);

const GroupQueryAttention: InferRule = (node) => {
  const [heads, groups] = [numberAttribute(node, 'num_heads', 1), numberAttribute(node, 'kv_num_heads', 1)];
  const query = shapeAt(node, 0);
  const [batch = null, sequence = null, hidden = null] = query ?? [];
  const size = quotient(hidden, node.inputs[1] ? heads : heads + 2 * groups);
  const past = shapeAt(node, 3);
  const total = integersOf(node.inputs[6])?.[0] ?? (node.inputs[3] ? null : sequence);
  const cached: Shape = [batch, groups, past ? longer(past[2] ?? null, total) : total, size];
  return attentionTypes(node, query && [batch, heads, sequence, size], cached, cached).map((t, i) =>
    i === 3 && t.shape ? { ...t, shape: [...t.shape.slice(0, 3), total] } : t,
  );
};

/** Shape rules of the operators of ONNX Runtime's own. */
export const contrib: { readonly [K in ContribType]: InferRule } = {
  Attention,
  BiasGelu: joined,
  EmbedLayerNormalization,
  FastGelu: same,
  FusedMatMul,
  GroupQueryAttention,
  MultiHeadAttention,
  QuickGelu: same,
  RotaryEmbedding: same,
  SimplifiedLayerNormalization,
  SkipLayerNormalization: skipNormalization,
  SkipSimplifiedLayerNormalization: skipNormalization,
};
