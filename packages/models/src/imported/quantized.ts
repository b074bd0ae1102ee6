import type { Graph } from '@neuroprune/onnx';
import { ModelsError } from '../errors.js';

/** Operators that compute with quantized numbers, in any domain. */
const QUANTIZED =
  /^(Q[A-Z]\w*|Quantize\w*|Dequantize\w*|DynamicQuantize\w*|\w*Integer\w*|MatMulNBits|MatMulBnb4|MatMulFpQ4|GatherBlockQuantized|QMoE)$/;

/** Refuses a graph that computes in half precision; weights that are stored so and cast are fine. */
export function refuseHalf({ nodes }: Graph): void {
  const half = nodes.find(
    ({ opType, outputs: [y] }) =>
      ['MatMul', 'Gemm'].includes(opType) && (y?.dtype === 'float16' || y?.dtype === 'bfloat16'),
  );
  if (half)
    throw new ModelsError(
      `${half.opType} (node '${half.name}'): expected products in float32, got ${half.outputs[0]?.dtype}; ` +
        'take the float32 export of the same model (model.onnx)',
    );
}

/** Refuses a quantized graph: rounded weights have no gradients. */
export function refuseQuantized({ nodes }: Graph): void {
  const found = [...new Set(nodes.map(({ opType }) => opType).filter((type) => QUANTIZED.test(type)))];
  if (found.length === 0) return;
  throw new ModelsError(
    `quantized graph: expected float32 weights, got ${found.join(', ')}; rounded weights cannot be trained: ` +
      'take the float32 export of the same model (model.onnx), prune that, and quantize what comes out',
  );
}
