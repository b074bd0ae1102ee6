import { float32, GraphBuilder, modelOf, parse, print, type Tensor, tensor, type Value } from '@neuroprune/onnx';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { evaluate } from '../test/evaluate.js';
import { backward } from './backward.js';
import { gradients } from './gradients.js';
import type { Differentiable, Rule } from './rule.js';

const numbers = (t: Tensor | undefined): number[] => Array.from((t as Tensor).data as Float32Array);

const square = () => {
  const builder = new GraphBuilder();
  const x = builder.input('x', 'float32', ['n']);
  const w = builder.initializer('w', float32([2, 3]));
  const y = builder.output(
    builder.op.ReduceSum(builder.op.Mul(builder.op.Mul(x, x), w), undefined, { keepdims: 0 }),
    'y',
  );
  return { builder, x, w, y };
};

describe('gradients', () => {
  it('stand beside the outputs and leave the model as it was', async () => {
    const { builder } = square();
    const model = modelOf(builder.graph);
    const before = print(model);
    const result = await evaluate(gradients(model, { of: 'y', wrt: ['x', 'w'] }), { x: float32([5, 7]) });
    expect(Object.fromEntries(Object.entries(result).map(([name, t]) => [name, numbers(t)]))).toEqual({
      y: [197],
      'grad.x': [20, 42],
      'grad.w': [25, 49],
    });
    expect(print(model)).toBe(before);
  });

  it('differentiate the sum of a value that is no scalar, and are zeros where there is no path', async () => {
    const model = parse('graph g { input %x: float32[2] input %z: float32[2] %y: float32[2] = Exp(%x) output %y }');
    const result = await evaluate(gradients(model, { of: 'y', wrt: ['x', 'z'] }), {
      x: float32([0, 0]),
      z: float32([1, 1]),
    });
    expect([...numbers(result['grad.x']), ...numbers(result['grad.z'])]).toEqual([1, 1, 0, 0]);
  });

  type Operands = Record<'x' | 'w' | 'a', Value>;
  const others: [string, (op: GraphBuilder['op'], operands: Operands) => Value, number][] = [
    ['a residual', (op, { x, a }) => op.Add(x, a), 2], // its own, and that of the result, which no product makes
    ['another product', (op, { x, w }) => op.Gemm(x, w, undefined, { transB: 1 }), 0],
    ['the same product', (op, { a }) => op.Identity(a), 1], // both gradients are of its result, and no product makes them
  ];
  it.each(others)('of an operand of a product and of %s are added up by the product', async (_, other, adds) => {
    const builder = new GraphBuilder();
    const { op } = builder;
    const x = builder.input('x', 'float32', [2, 2]);
    const w = builder.initializer('w', float32([1, 2, 3, 5], [2, 2]));
    const a = op.Gemm(x, w);
    builder.output(op.ReduceSum(op.Mul(a, other(op, { x, w, a })), undefined, { keepdims: 0 }), 'y');
    const model = modelOf(builder.graph);
    const made = gradients(model, { of: 'y', wrt: ['x'] });
    const count = (opType: string) => made.graph.nodes.filter((n) => n.opType === opType).length;
    expect(count('Add')).toBe(adds);
    const at = (values: number[]) => evaluate(made, { x: float32(values, [2, 2]) });
    const [point, step] = [[0.5, -1, 2, 0.25], 2 ** -6];
    const slope = numbers((await at(point))['grad.x']);
    for (const i of point.keys()) {
      const [up, down] = [step, -step].map((d) => at(point.map((v, j) => (i === j ? v + d : v))));
      const difference = (numbers((await up)?.y)[0] as number) - (numbers((await down)?.y)[0] as number);
      expect(slope[i]).toBeCloseTo(difference / (2 * step), 3); // y is a square: exact but for rounding
    }
  });

  it('go through a file with `Constant` nodes and without shapes inside', async () => {
    const model = parse(`graph g { input %x: float32[2,3] init %w = float32[1] {2}
      %axes = Constant() {value_ints: [1]}
      %two = Mul(%w, %w)
      %y = Mul(%x, %two)
      %z = ReduceSum(%y, %axes) {keepdims: 0}
      output %z }`);
    const result = await evaluate(gradients(model, { of: 'z', wrt: ['w', 'x'] }), {
      x: float32([1, 2, 3, 4, 5, 6], [2, 3]),
    });
    expect(numbers(result['grad.w'])).toEqual([84]); // Σx·2w
    expect(numbers(result['grad.x'])).toEqual([4, 4, 4, 4, 4, 4]);
  });

  it('name what is missing', () => {
    expect(() => gradients(modelOf(square().builder.graph), { of: 'loss', wrt: [] })).toThrow(
      "expected a value 'loss'",
    );
  });
});

describe('backward', () => {
  it('says which operator lacks a rule', () => {
    const { builder, x } = square();
    const [y] = builder.node('Fancy', [x], {}, 1, 'com.example');
    (y as Value).shape = [];
    (y as Value).producer!.name = 'mask/Fancy_0';
    expect(() => backward(builder, y as Value, [x])).toThrow(
      "autodiff: no gradient rule for com.example.Fancy (node 'mask/Fancy_0'); add one in rules/, or list it in lists.ts",
    );
  });

  it('names pending operators and graphs inside graphs with their node', () => {
    const { builder, x } = square();
    const { op } = builder;
    const y = op.Mish(x);
    y.producer!.name = 'encoder/act';
    expect(() => backward(builder, y, [x])).toThrow(
      "autodiff: no gradient rule yet for Mish (node 'encoder/act'), which is on the list of pending operators",
    );
    const then = builder.subgraph('then');
    then.output(then.op.Neg(x), 'negated');
    const [z] = op.If(builder.constant(tensor('bool', [], Uint8Array.of(1))), {
      then_branch: then.graph,
      else_branch: then.graph,
    });
    const w = op.Mul(z as Value, x);
    w.producer!.inputs[0]!.producer!.inputs.push(x);
    expect(() => backward(builder, w, [x])).toThrow(/autodiff: If \(node 'If_0'\): expected no graph inside/);
  });

  it('visits only the path between', () => {
    const { builder, x, y } = square();
    builder.node('Fancy', [y], {}, 1);
    builder.node('Fancy', [builder.input('z', 'float32', [])], {}, 1);
    expect(() => backward(builder, y, [x])).not.toThrow();
  });

  it('ends at operators without gradients', async () => {
    const { builder, x } = square();
    const { op } = builder;
    const steps = op.ReduceSum(op.Add(op.Mul(op.Floor(x), 100), x), undefined, { keepdims: 0 });
    const [g] = backward(builder, steps, [x]);
    builder.graph.outputs = [];
    builder.output(g as Value, 'g');
    const result = await evaluate(modelOf(builder.graph), { x: float32([1.5, 2.5]) });
    expect(numbers(result.g)).toEqual([1, 1]);
  });

  it('needs ranks to undo broadcasting', () => {
    const builder = new GraphBuilder();
    const [a, b] = [builder.input('a', 'float32', [2]), builder.input('b', 'float32', [2])];
    (a as { shape?: unknown }).shape = undefined;
    const y = builder.op.Mul(a, b);
    expect(() => backward(builder, builder.op.ReduceSum(y, builder.ints(0)), [b])).toThrow(/known ranks|rank of/);
  });
});

describe('the types of rules', () => {
  it('follow from the operator table', () => {
    type Returned<K extends Differentiable> = ReturnType<Rule<K>>;
    expectTypeOf<Returned<'Mul'>>().toEqualTypeOf<readonly [Value | null, Value | null]>();
    // @ts-expect-error one gradient too few
    const short: Rule<'Mul'> = ({ g }) => [g];
    // @ts-expect-error no such attribute
    const wrong: Rule<'Softmax'> = ({ g, attrs: { axes } }) => [axes ? g : g];
    // @ts-expect-error no gradient passes a comparison
    const none: Differentiable = 'Equal';
    expect([short, wrong, none]).toHaveLength(3);
  });
});
