import { dtypeOfCode } from '../dtype.js';
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
import { rmsNormalization } from './normalization.js';
import { rotaryEmbedding } from './rotary.js';
import { attend, causal, merge, split } from './scores.js';

/** A mask as what is added to the scores; the columns it lacks are masked (operator set 24). */
function maskBias(c: DecomposeContext, mask: Value, keys: Value): Value {
  const { op, builder } = c;
  const isBool = mask.dtype === 'bool';
  const rank = shapeOf(c, mask).length;
  const full = mask.shape?.[rank - 1] === keys.shape?.[2] && mask.shape?.[rank - 1] !== null;
  const added = isBool ? bias(c, mask, Number.NEGATIVE_INFINITY, keys) : mask;
  if (full || !c.node.inputs[6]) return added;
  const missing = op.Sub(op.Shape(keys, { start: 2, end: 3 }), op.Shape(mask, { start: rank - 1 }));
  const pads = op.Concat([builder.ints(0), missing], { axis: 0 });
  return op.Pad(added, pads, builder.scalar(Number.NEGATIVE_INFINITY, keys.dtype), builder.ints(rank - 1));
}

/** Past and present keys or values one behind the other. */
const cached = ({ op }: DecomposeContext, past: Value | undefined, now: Value): Value =>
  past ? op.Concat([past, now], { axis: 2 }) : now;

/** `Attention` of operator sets 23 and 24, whose sixth operand counts the keys that are no padding. */
const attention: Decomposition = (c) => {
  const { node, builder, op } = c;
  const [q, k, v] = [0, 1, 2].map((i) => {
    const x = operand(c, i);
    const heads = setting(c, i === 0 ? 'q_num_heads' : 'kv_num_heads', 0);
    if (shapeOf(c, x).length === 4) return x;
    return heads
      ? split(c, x, heads)
      : refuse(c, "expected 'q_num_heads' and 'kv_num_heads' with three axes, got none");
  }) as [Value, Value, Value];
  const [keys, values] = [cached(c, node.inputs[4], k), cached(c, node.inputs[5], v)];
  const [heads, groups] = [q.shape?.[1], k.shape?.[1]];
  const isShared = heads !== groups;
  if (isShared && (typeof heads !== 'number' || typeof groups !== 'number'))
    refuse(c, 'expected known numbers of heads, got none');
  const biases: Value[] = [];
  if (node.inputs[3]) biases.push(maskBias(c, node.inputs[3], keys));
  if (setting(c, 'is_causal', 0) === 1) {
    const past = node.inputs[4] && extent(c, node.inputs[4], 2);
    biases.push(bias(c, causal(c, q, keys, past), Number.NEGATIVE_INFINITY, q));
  }
  if (node.inputs[6]) {
    const counts = op.Reshape(node.inputs[6], builder.ints(-1, 1, 1, 1));
    biases.push(bias(c, op.Less(countTo(c, extent(c, keys, 2)), counts), Number.NEGATIVE_INFINITY, q));
  }
  const scores = attend(c, {
    q,
    k: keys,
    v: values,
    scale: node.attributes.scale ? setting(c, 'scale', 1) : undefined,
    group: isShared ? Number(heads) / Number(groups) : 1,
    biases,
    softcap: setting(c, 'softcap', 0),
    // ONNX Runtime caps before it masks, so that what is masked stays so; the picture in the operator's page has it after.
    // The modes 1 and 2 of the scores follow that order.
    capFirst: true,
    precision: dtypeOfCode(setting(c, 'softmax_precision', 0)),
  });
  const { raw, biased, capped, weights } = scores;
  const y = shapeOf(c, operand(c, 0)).length === 3 ? merge(c, scores.y) : scores.y;
  const mode = setting(c, 'qk_matmul_output_mode', 0);
  return [y, keys, values, isRead(c, 3) ? [raw, capped, biased, weights][mode] : undefined];
};

/** Operators of the table `ops` in terms of others of it. */
export const standardDecompositions: {
  readonly [K in 'Attention' | 'RMSNormalization' | 'RotaryEmbedding']: Decomposition;
} = {
  Attention: attention,
  RMSNormalization: (c) => rmsNormalization(c).slice(0, 1),
  RotaryEmbedding: rotaryEmbedding,
};
