import { eliminateDeadCode, float32, GraphBuilder, modelOf, type Value } from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { backward } from '../backward.js';

type Write = (op: GraphBuilder['op'], x: Value, p: (...dims: number[]) => Value, builder: GraphBuilder) => Value;

/** Kernels of the gradients of rows and parameters: on a GPU each takes its time, on a processor a pass over memory. */
const rows: readonly (readonly [string, Write, number])[] = [
  // x̂; g·x̂, its sum and its product with scale; Σ g; ĝ and its mean; x̂·mean, two differences, times 1/σ
  ['LayerNormalization', (op, x, p) => op.LayerNormalization(x, p(8), p(8), { axis: -1 })[0], 11],
  // u, erf u, a line of it; u², its difference, its exponential, times u; the sum, times g
  ['Gelu', (op, x) => op.Gelu(x), 9],
  ['Softmax', (op, x) => op.Softmax(x, { axis: -1 }), 4],
  ['Gemm', (op, x, p) => op.Gemm(x, p(4, 8), p(4), { transB: 1 }), 3],
  ['MatMul of a transpose', (op, x, p) => op.MatMul(x, op.Transpose(p(4, 8), { perm: [1, 0] })), 3],
  ['Slice', (op, x, _, b) => op.Slice(x, b.ints(0), b.ints(2), b.ints(1)), 1],
];

/** Of no kernel: they hand on memory as it is. */
const views = new Set(['Identity', 'Reshape']);

describe('gradients take few passes', () => {
  it.each(rows)('%s', (_, write, count) => {
    const builder = new GraphBuilder();
    const x = builder.input('x', 'float32', ['rows', 8]);
    const parameters: Value[] = [];
    const parameter = (...dims: number[]) => {
      const size = dims.reduce((a, b) => a * b, 1);
      const value = builder.initializer(`p${parameters.length}`, float32(new Float32Array(size).fill(1), dims));
      parameters.push(value);
      return value;
    };
    const y = write(builder.op, x, parameter, builder);
    const forward = new Set(builder.graph.nodes);
    const g = builder.input('g', 'float32', y.shape ?? []);
    const gradients = backward(builder, y, [x, ...parameters], g);
    builder.output(y, 'y');
    for (const [i, value] of gradients.entries()) builder.output(value, `gradient${i}`);
    const model = eliminateDeadCode(modelOf(builder.graph)).model;
    const made = model.graph.nodes.filter((node) => !forward.has(node) && node.outputs[0]?.dtype !== 'int64');
    expect(made.filter(({ opType }) => !views.has(opType)).map(({ opType }) => opType)).toHaveLength(count);
  });
});
