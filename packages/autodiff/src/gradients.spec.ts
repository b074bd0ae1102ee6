import {
  float32,
  GraphBuilder,
  int64,
  type Model,
  modelOf,
  parse,
  readModel,
  stepSignature,
  type Tensor,
  type Value,
  writeModel,
} from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../test/evaluate.js';
import { bool } from '../test/rows/row.js';
import { type GradientOptions, gradients } from './gradients.js';
import { sgd } from './optim/sgd.js';
import { trainable } from './trainable.js';

const close = (got: Tensor | undefined, want: readonly number[]) =>
  Array.from(got?.data as Float32Array).forEach((x, i) => void expect(x).toBeCloseTo(want[i] as number, 5));

/** a = Σ w·x², b = Σ w, c = v·Σ x: three scalars of two parameters. */
function threeLosses(): Model {
  const builder = new GraphBuilder();
  const { op } = builder;
  const x = builder.input('x', 'float32', [2]);
  const w = builder.initializer('w', float32([2, 3]));
  const v = builder.initializer('v', float32([5]));
  const sum = (t: Value) => op.ReduceSum(t, undefined, { keepdims: 0 });
  builder.output(sum(op.Mul(op.Mul(x, x), w)), 'a');
  builder.output(sum(w), 'b');
  builder.output(op.Mul(v, sum(x)), 'c');
  builder.output(sum(op.Mul(v, sum(x))), 'd');
  return modelOf(builder.graph);
}

describe('several losses', () => {
  const cases: [string, GradientOptions['of'], number[], number[], number[]][] = [
    ['one', 'a', [4, 16], [0], [8, 24]],
    ['two', ['a', 'b'], [5, 17], [0], [8, 24]],
    ['two with weights', { a: 0.5, b: -2 }, [0, 6], [0], [4, 12]],
    ['one that is no scalar among them', { a: 1, c: 2 }, [4, 16], [12], [18, 34]],
  ];
  it.each(cases)('%s', async (_, of, w, v, x) => {
    const result = await evaluate(gradients(threeLosses(), { of, wrt: ['w', 'v', 'x'] }), { x: float32([2, 4]) });
    close(result['grad.w'], w);
    close(result['grad.v'], v);
    close(result['grad.x'], x);
  });

  it('are the loss of a step', async () => {
    const step = (output: GradientOptions['of']) => trainable(threeLosses(), { loss: { output }, optimizer: sgd() });
    const parameters = (output: GradientOptions['of']) => stepSignature(step(output)).stacks.flatMap((s) => s.members);
    expect(parameters({ b: 1 })).toEqual(['w']);
    expect(parameters(['b', 'd'])).toEqual(['w', 'v']);
    expect(() => step(['a', 'c'])).toThrow("loss: expected a scalar output, got 'c' [1]");
    expect(() => step([])).toThrow('expected at least one value, got none');
  });
});

describe('one value read in several places', () => {
  it('gets the sum of what each of them gives', async () => {
    const builder = new GraphBuilder();
    const { op } = builder;
    const x = builder.input('x', 'float32', [2]);
    const y = op.Tanh(x);
    builder.output(
      op.Add(
        op.Mul(y, y),
        op.Concat(
          [op.Exp(y), y].map((t) => op.ReduceSum(t)),
          { axis: 0 },
        ),
      ),
      'y',
    );
    const result = await evaluate(gradients(modelOf(builder.graph), { of: 'y', wrt: ['x'] }), {
      x: float32([0.5, -1]),
    });
    const slope = (v: number) => (1 - Math.tanh(v) ** 2) * (2 * Math.tanh(v) + Math.exp(Math.tanh(v)) + 1);
    close(result['grad.x'], [slope(0.5), slope(-1)]);
  });

  it('as a tied parameter of a lookup and a product', async () => {
    const builder = new GraphBuilder();
    const { op } = builder;
    const table = builder.initializer('table', float32([1, 2, 3, 4], [2, 2]));
    const row = op.Gather(table, builder.ints(1)); // [3, 4]
    builder.output(op.MatMul(row, op.Transpose(table)), 'y'); // rows ⟨r, t₀⟩, ⟨r, t₁⟩ with r = t₁
    const result = await evaluate(gradients(modelOf(builder.graph), { of: 'y', wrt: ['table'] }), {});
    close(result['grad.table'], [3, 4, 1 + 2 * 3, 2 + 2 * 4]); // t₀: r; t₁: t₀ + 2·t₁
  });
});

describe('results that a node leaves out, and its gradient needs', () => {
  const text = (y: string, call: string) => `graph g {
    input %x: float32[2,3] input %t: int64[2] init %w = float32[3] {1, 2, 3}
    init %half = float32[] {0.5} init %on = bool[] {1}
    ${y} = ${call}
    output %y
  }`;
  it.each([
    ['LayerNormalization', 'LayerNormalization(%x, %w)', 3],
    ['SoftmaxCrossEntropyLoss', 'SoftmaxCrossEntropyLoss(%x, %t)', 2],
    ['Dropout', 'Dropout(%x, %half, %on) {seed: 1}', 2],
  ])('%s: absent, or present without a name', async (_, call, count) => {
    const names = ['%y', ...Array.from({ length: count - 1 }, (_, i) => `%rest${i}`)].join(', ');
    const nameless = parse(text(names, call));
    for (const value of nameless.graph.nodes[0]?.outputs.slice(1) ?? []) value.name = '';
    const given = await Promise.all(
      [parse(text('%y', call)), parse(text(names, call)), nameless].map(async (model) => {
        const read = await readModel(writeModel(model));
        const x = float32([1, -2, 3, 0.5, 4, -1], [2, 3]);
        const result = await evaluate(gradients(read, { of: 'y', wrt: ['x'] }), { x, t: int64([2, 0]) });
        return Array.from(result['grad.x']?.data as Float32Array);
      }),
    );
    expect(given[0]?.some((v) => v !== 0)).toBe(true);
    expect(given[1]).toEqual(given[0]);
    expect(given[2]).toEqual(given[0]);
  });
});

describe('frozen parameters', () => {
  it('cost nothing: what leads to them alone is not in the graph', () => {
    const built = (wrt: string[]) => gradients(threeLosses(), { of: ['a', 'b'], wrt }).graph.nodes.map((n) => n.opType);
    expect(built(['w']).length).toBeLessThan(built(['w', 'x']).length);
    const step = trainable(threeLosses(), { loss: { output: ['b', 'd'] }, wrt: ['v'], optimizer: sgd() });
    expect(stepSignature(step).stacks.flatMap((s) => s.members)).toEqual(['v']);
    expect(step.graph.initializers.map((i) => i.name)).toContain('w');
  });
});

describe('what no gradient passes', () => {
  const attempt = (build: (b: GraphBuilder, x: Value, i: Value) => Value) => () => {
    const builder = new GraphBuilder();
    const y = build(builder, builder.input('x', 'float32', [2, 3]), builder.input('i', 'int64', [1]));
    for (const node of builder.graph.nodes) node.name = `the/${node.opType}`;
    builder.output(y, 'y');
    return gradients(modelOf(builder.graph), { of: 'y', wrt: ['x'] });
  };
  const branch = (b: GraphBuilder, name: string, f: (inner: GraphBuilder) => Value) => {
    const inner = b.subgraph(name);
    inner.output(f(inner), `${name}.y`);
    return inner.graph;
  };

  it.each<[string, (b: GraphBuilder, x: Value, i: Value) => Value, string]>([
    [
      'If, by what its branches read',
      (b, x) => {
        const [then_branch, else_branch] = [
          branch(b, 'yes', ({ op }) => op.Neg(x)),
          branch(b, 'no', ({ op }) => op.Abs(x)),
        ];
        return b.op.If(b.constant(bool([1], [])), { then_branch, else_branch })[0] as Value;
      },
      'the/If',
    ],
    [
      'Loop',
      (b, x) => {
        const body = b.subgraph('body');
        body.input('n', 'int64', []);
        const [go, state] = [body.input('go', 'bool', []), body.input('s', 'float32', [2, 3])];
        body.output(go, 'go_on');
        body.output(body.op.Neg(state), 's_next');
        return b.op.Loop(b.scalar(2, 'int64'), undefined, [x], { body: body.graph })[0] as Value;
      },
      'the/Loop',
    ],
    ['computed axes of a reduction', ({ op }, x, i) => op.ReduceSum(x, i, { keepdims: 1 }), 'the/ReduceSum'],
    ['computed axes of Slice', ({ op }, x, i) => op.Slice(x, i, i, i), 'the/Slice'],
    ['computed axes of Pad', (b, x, i) => b.op.Pad(x, b.ints(1, 1), undefined, i, { mode: 'edge' }), 'the/Pad'],
    [
      'a reduction of no name',
      ({ op }, x, i) => op.ScatterND(x, op.Unsqueeze(i, i), x, { reduction: 'xor' }),
      'the/ScatterND',
    ],
  ])('%s is named with its node', (_, build, node) => {
    expect(attempt(build)).toThrow(`'${node}'`);
  });

  it('is let through where it lies off the path to the loss', () => {
    const off = attempt((b, x) => {
      b.node('Fancy', [x], {}, 1);
      return b.op.Neg(x);
    });
    expect(off).not.toThrow();
  });
});

it('goes through functions, those of older operator sets among them', async () => {
  const model = parse(`onnx 8 "" opset "" 17 opset "my" 1
    graph g { input %x: float32[2,3] %h = my::square(%x) {by: 3.0} %y = my::sum(%h) output %y }
    function my::square { opset "" 17 attribute by %c = Constant() {value_float: reference float "by"} input %a %b = Mul(%a, %a) %d = Mul(%b, %c) output %d }
    function my::sum { opset "" 12 input %a %b = ReduceSum(%a) {axes: [1], keepdims: 0} output %b }`);
  const result = await evaluate(gradients(model, { of: 'y', wrt: ['x'] }), { x: float32([1, 2, 3, 4, 5, 6], [2, 3]) });
  close(result.y, [42, 231]);
  close(result['grad.x'], [6, 12, 18, 24, 30, 36]);
});
