import type { Node } from '../model.js';
import { type Dim, product, quotient, type Shape } from '../shape.js';
import { same } from './elementwise.js';
import { type InferRule, numberAttribute, shapeAt } from './rule.js';

const sum = (a: Dim | undefined, b: Dim | undefined): Dim =>
  typeof a === 'number' && typeof b === 'number' ? a + b : b === 0 ? (a ?? null) : a === 0 ? (b ?? null) : null;

/** A query, key or value of any of its forms as [batch, heads, sequence, size]. */
export function headsOf(shape: Shape | undefined, heads: number | undefined): Shape | undefined {
  if (shape?.length === 4) return shape;
  if (shape?.length !== 3) return undefined;
  const [batch = null, sequence = null, hidden = null] = shape;
  return [batch, heads ?? null, sequence, heads ? quotient(hidden, heads) : null];
}

/** The cache after this step: what was cached, then the new keys or values. */
export const extended = (past: Shape | undefined, now: Shape | undefined, hasPast: boolean): Shape | undefined =>
  hasPast ? now?.map((d, i) => (i === 2 ? sum(past?.[2], d) : d)) : now;

const heads = (node: Node, name: string): number | undefined => numberAttribute(node, name, 0) || undefined;

const Attention: InferRule = (node) => {
  const dtype = node.inputs[0]?.dtype;
  const q = headsOf(shapeAt(node, 0), heads(node, 'q_num_heads'));
  const [k, v] = [1, 2].map((i) => headsOf(shapeAt(node, i), heads(node, 'kv_num_heads')));
  const [keys, values] = [k, v].map((now, i) => extended(shapeAt(node, 4 + i), now, !!node.inputs[4 + i]));
  const size = v?.[3] ?? null;
  const flat: Shape | undefined = q && [q[0] ?? null, q[2] ?? null, product([q[1] ?? null, size])];
  const y = shapeAt(node, 0)?.length === 3 ? flat : q && [...q.slice(0, 3), size];
  const scores = q && [...q.slice(0, 3), keys?.[2] ?? null];
  return [
    { dtype, shape: y },
    { dtype, shape: keys },
    { dtype: node.inputs[2]?.dtype, shape: values },
    { dtype, shape: scores },
  ];
};

/** Shape rules of attention and what goes with it. */
export const attention = {
  Attention,
  RMSNormalization: (node) => [{ dtype: node.inputs[1]?.dtype, shape: shapeAt(node, 0) }],
  RotaryEmbedding: same,
} as const satisfies Record<string, InferRule>;
