import type { Attributes, Value } from '@neuroprune/onnx';
import { int64 } from '@neuroprune/onnx';
import type { decomposed } from '../../src/rules/decomposed.js';
import { bool, type Row, type Rows, real, single } from './row.js';

const some = (dims: readonly number[]) => single(real(dims));

/** The scores are a result too where a mode for them is given. */
const attention = (
  inputs: Row['inputs'],
  attributes: Attributes<'Attention'>,
  place: (x: Value[]) => (Value | undefined)[] = (x) => x,
): Row => ({
  inputs,
  build: (op, x) => {
    const [q, k, v, mask, pastKey, pastValue] = place(x);
    const results = op.Attention(q!, k!, v!, mask, pastKey, pastValue, attributes);
    // ONNX Runtime wants the new cache read where a past one is given.
    if (pastKey) return results.slice(0, 3);
    return attributes.qk_matmul_output_mode === undefined ? results[0] : [results[0], results[3]];
  },
});

const heads = (q: number, kv: number) => ({ q_num_heads: q, kv_num_heads: kv });
const both = bool([1, 0, 1, 1, 1, 1, 0, 1, 1, 0, 0, 1], [3, 4]);

/** Rows of operators whose gradient goes through others. */
export const decomposedRows: Rows<keyof typeof decomposed> = {
  Attention: [
    attention([some([2, 2, 3, 4]), some([2, 2, 4, 4]), some([2, 2, 4, 2])], {}),
    attention([some([1, 3, 8]), some([1, 4, 4]), some([1, 4, 4])], { ...heads(4, 2), scale: 0.7 }),
    attention([some([2, 3, 8]), some([2, 3, 8]), some([2, 3, 8])], { ...heads(2, 2), is_causal: 1 }),
    attention([some([1, 2, 3, 4]), some([1, 2, 4, 4]), some([1, 2, 4, 4]), both], { qk_matmul_output_mode: 3 }),
    attention([some([1, 2, 3, 4]), some([1, 2, 4, 4]), some([1, 2, 4, 4]), some([3, 4])], { softcap: 2 }),
    attention(
      [some([1, 3, 4]), some([1, 3, 4]), some([1, 3, 4]), some([1, 2, 2, 2]), some([1, 2, 2, 2])],
      { ...heads(2, 2), is_causal: 1 },
      ([q, k, v, pastKey, pastValue]) => [q, k, v, undefined, pastKey, pastValue],
    ),
  ],
  RMSNormalization: [
    { inputs: [some([2, 3, 4]), some([4])], build: (op, [x, w]) => op.RMSNormalization(x!, w!, { epsilon: 1e-3 }) },
    { inputs: [some([1, 3, 4]), some([3, 4])], build: (op, [x, w]) => op.RMSNormalization(x!, w!, { axis: -2 }) },
    { inputs: [some([3, 4]), some([4])], build: (op, [x, w]) => op.Mul(x!, op.RMSNormalization(x!, w!, { axis: 1 })) },
  ],
  RotaryEmbedding: [
    {
      inputs: [some([2, 2, 3, 4]), some([2, 3, 2]), some([2, 3, 2])],
      build: (op, [x, cos, sin]) => op.RotaryEmbedding(x!, cos!, sin!),
    },
    {
      inputs: [some([1, 3, 8]), some([5, 2]), some([5, 2]), int64([4, 0, 4], [1, 3])],
      build: (op, [x, cos, sin, at]) => op.RotaryEmbedding(x!, cos!, sin!, at!, { num_heads: 2, interleaved: 1 }),
    },
    {
      inputs: [some([1, 2, 3, 6]), some([5, 2]), some([5, 2]), int64([0, 1, 2], [1, 3])],
      build: (op, [x, cos, sin, at]) => op.RotaryEmbedding(x!, cos!, sin!, at!, { rotary_embedding_dim: 4 }),
    },
  ],
};
