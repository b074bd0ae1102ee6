import { float32, GraphBuilder, type Model, modelOf, stepSignature, type Tensor, type Value } from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { evaluate, randomOf } from '../test/evaluate.js';
import { gradients } from './gradients.js';
import { sgd, sgdScalars } from './optim/sgd.js';
import { initialState, parametersOf } from './state.js';
import { type TrainableOptions, trainable } from './trainable.js';

const random = randomOf(5);
const noise = (...dims: number[]) =>
  float32(
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random() - 0.5),
    dims,
  );

const [ROWS, LENGTH, WIDTH, HEADS] = [2, 3, 4, 2];

interface Shape {
  /** Columns of query, key and value. */
  readonly columns?: readonly [number, number, number];
  readonly bias?: boolean;
  /** Key and query share their weight. */
  readonly tied?: boolean;
}

/** Attention over [rows, length] tokens, its scores as the loss. */
function attention({ columns = [4, 4, 4], bias = true, tied = false }: Shape = {}): Model {
  const builder = new GraphBuilder();
  const { op } = builder;
  const x = builder.input('x', 'float32', ['batch', 'sequence']);
  const weight = (name: string, out: number) => builder.initializer(`${name}.weight`, noise(out, WIDTH));
  const own = { q: weight('q', columns[0]), k: weight('k', columns[1]), v: weight('v', columns[2]) };
  const extent = op.Shape(x);
  const splits = new Map<number, Value>();
  const rows = op.Mul(op.Reshape(x, builder.ints(-1, 1)), builder.constant(noise(1, WIDTH)));
  const heads = (name: 'q' | 'k' | 'v', w: Value, i: number) => {
    const b = bias ? builder.initializer(`${name}.bias`, noise(columns[i] as number)) : undefined;
    const size = (columns[i] as number) / HEADS;
    const target = splits.get(size) ?? op.Concat([extent, builder.ints(HEADS, size)], { axis: 0 });
    splits.set(size, target);
    return op.Transpose(op.Reshape(op.Gemm(rows, w, b, { transB: 1 }), target), { perm: [0, 2, 1, 3] });
  };
  const [q, k, v] = [heads('q', own.q, 0), heads('k', tied ? own.q : own.k, 1), heads('v', own.v, 2)];
  const scores = op.Softmax(op.MatMul(q, op.Transpose(k, { perm: [0, 1, 3, 2] })), { axis: -1 });
  const context = op.MatMul(scores, v);
  builder.output(op.ReduceSum(op.Mul(context, context), undefined, { keepdims: 0 }), 'loss');
  return modelOf(builder.graph);
}

const x = { x: noise(ROWS, LENGTH) };
const count = (model: Model, opType: string) => model.graph.nodes.filter((n) => n.opType === opType).length;

/** Weights after one step of plain gradient descent at rate 1, by the step graph and by gradients of the model as it is. */
async function bothWays(model: Model, options: Partial<TrainableOptions> = {}) {
  const step = trainable(model, { loss: { output: 'loss' }, optimizer: sgd(), ...options });
  const signature = stepSignature(step);
  const state = initialState(model, signature);
  const scalars: Record<string, number> = { ...sgdScalars({ lr: 1 }), 'size.coefficient': 1 };
  const given = Object.fromEntries(signature.scalars.map((name) => [name, float32([scalars[name] as number], [])]));
  const outputs = await evaluate(step, { ...x, ...given, ...Object.fromEntries(state) });
  for (const [name] of state) state.set(name, outputs[`${name}.next`] as Tensor);
  const names = signature.stacks.flatMap(({ members }) => members);
  const plain = await evaluate(gradients(model, { of: 'loss', wrt: names }), x);
  const want = names.map((name) => {
    const w = model.graph.initializers.find((v) => v.name === name)?.tensor?.data as Float32Array;
    const extra = options.terms && name === 'k.weight' ? 2 : 0; // the gradient of Σ w²
    return [name, w.map((value, i) => value - (plain[`grad.${name}`]?.data[i] as number) - extra * value)] as const;
  });
  return { step, signature, got: parametersOf(state, signature), want: new Map(want) };
}

const squares: TrainableOptions['terms'] = (op, parameters) => {
  const w = parameters.get('k.weight') as Value;
  return { size: op.ReduceSum(op.Mul(w, w), undefined, { keepdims: 0 }) };
};

// Gemm nodes of the step: a product alone has one forward and two backward, of which the rows' own has no use here.
const cases = [
  { name: 'query, key and value', joined: [3, 3], gemms: 2 },
  { name: 'without biases', shape: { bias: false }, joined: [3], gemms: 2 },
  { name: 'two of a shape', shape: { columns: [4, 4, 8] }, joined: [2, 2], gemms: 4 },
  { name: 'none of a shape', shape: { columns: [4, 4, 8], tied: true }, joined: [], gemms: 6 },
  { name: 'a frozen one', options: { frozen: ['v.*'] }, joined: [2, 2], gemms: 3 },
  { name: 'a masked one', options: { masked: ['q.weight'] }, joined: [2, 2], gemms: 4 },
  { name: 'one at its own rate', options: { rates: { 'k.bias': 1, 'k.*': 1.0000001 } }, joined: [2, 2], gemms: 4 },
  { name: 'one that a term reads too', options: { terms: squares }, joined: [3, 3], gemms: 2 },
] satisfies { name: string; shape?: Shape; options?: Partial<TrainableOptions>; joined: number[]; gemms: number }[];

describe('products of the same rows', () => {
  it.each(cases)('are one where they are alike: $name', async ({ shape, options, joined, gemms }) => {
    const { step, signature, got, want } = await bothWays(attention(shape), options);
    const runs = signature.stacks.flatMap(({ name, members }) => (name.includes('_by') ? [members.length] : []));
    expect(runs.sort()).toEqual(joined);
    expect(count(step, 'Gemm')).toBe(gemms);
    for (const [name, w] of want)
      w.forEach(
        (value, i) => void expect(Math.abs((got.get(name)?.[i] ?? Number.NaN) - value), name).toBeLessThan(2e-6),
      );
  });

  it('are split into heads by one exchange of axes, and cut along the heads', async () => {
    const { step } = await bothWays(attention());
    // Forward: the heads of all three, the keys. Backward: probabilities, values, keys and queries, the heads again.
    expect(count(step, 'Transpose')).toBe(2 + 4);
    const apart = await bothWays(attention({ columns: [4, 4, 8], tied: true }));
    expect(count(apart.step, 'Transpose')).toBeGreaterThan(count(step, 'Transpose') + 3);
  });
});
