import { eliminateDeadCode, GraphBuilder, modelOf, type Value } from '@neuroprune/onnx';
import { expect, it } from 'vitest';
import { backward } from '../backward.js';

type Weigh = (op: GraphBuilder['op'], y: Value, v: Value, factor: Value) => Value;

/** Extents of what is summed along rows in the gradient of softmax over scores [heads, sequence, sequence]. */
function summed(weigh: Weigh): string[] {
  const builder = new GraphBuilder();
  const scores = builder.input('scores', 'float32', ['heads', 'sequence', 'sequence']);
  const v = builder.input('v', 'float32', ['heads', 'sequence', 8]);
  const factor = builder.input('factor', 'float32', ['heads', 'sequence', 'sequence']);
  const o = weigh(builder.op, builder.op.Softmax(scores, { axis: -1 }), v, factor);
  const g = builder.input('g', 'float32', o.shape ?? []);
  const [gradient] = backward(builder, o, [scores], g);
  builder.output(gradient as Value, 'gradient');
  const { nodes } = eliminateDeadCode(modelOf(builder.graph)).model.graph;
  return nodes.filter(({ opType }) => opType === 'ReduceSum').map(({ inputs }) => String(inputs[0]?.shape?.at(-1)));
}

it.each<[string, Weigh, string]>([
  ['the result of attention', (op, y, v) => op.MatMul(y, v), '8'],
  ['it with dropout between', (op, y, v, factor) => op.MatMul(op.Mul(y, factor), v), '8'],
  ['scores, where more reads them', (op, y, v) => op.Concat([op.MatMul(y, v), y], { axis: -1 }), 'sequence'],
  ['scores of a product of another kind', (op, y, v, factor) => op.MatMul(op.Exp(op.Mul(y, factor)), v), 'sequence'],
  ['scores alone', (op, y) => op.Exp(y), 'sequence'],
])('sums rows of %s', (_, weigh, extent) => {
  expect(summed(weigh)).toContain(extent);
  expect(summed(weigh)).not.toContain(extent === '8' ? 'sequence' : '8');
});
