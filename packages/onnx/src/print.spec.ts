import { describe, expect, it } from 'vitest';
import { everything, randomModel } from '../test/models.js';
import {
  float32,
  GraphBuilder,
  inferModel,
  type Model,
  modelOf,
  OnnxError,
  parse,
  print,
  writeModel,
} from './index.js';

const full = (model: Model) => print(model, { weights: true });

describe('print', () => {
  it('writes one line a node, types beside names', () => {
    const b = new GraphBuilder();
    const { op } = b;
    const x = b.input('x', 'float32', ['batch', 2]);
    const w = b.initializer('layer.0.weight', float32([1, 0.1, -0, Number.NaN], [2, 2]));
    const h = op.Gemm(x, w, undefined, { transB: 1, alpha: 2 });
    b.output(op.Clip(h, undefined, 1), 'y');
    expect(print(modelOf(b.graph, { k: 'v' }))).toBe(`onnx 9 "neuroprune"
opset "" 20
meta "k" "v"
graph graph {
  input %x: float32[batch,2]
  init %layer.0.weight = float32[2,2] {1, 0.1, -0, nan}
  init %const_0 = float32[] {1}
  %Gemm_0: float32[batch,2] = Gemm(%x, %layer.0.weight) {alpha: 2.0, transB: 1}
  %y: float32[batch,2] = Clip(%Gemm_0, _, %const_0)
  output %y
}
`);
  });

  it('shows a hash of large tensors, which changes with any element', () => {
    const text = (last: number) => {
      const b = new GraphBuilder();
      const w = float32(Float32Array.from({ length: 65 }, (_, i) => (i === 64 ? last : i)));
      b.output(b.op.Neg(b.initializer('w', w)), 'y');
      return print(modelOf(b.graph));
    };
    expect(text(1)).toMatch(/init %w = float32\[65\] #[0-9a-f]{16}\n/);
    expect(text(1)).toBe(text(1));
    expect(text(1)).not.toBe(text(2));
    expect(() => parse(text(1))).toThrow(/line 4: expected elements \(print with weights: true\), got #/);
  });
});

describe('parse', () => {
  it('gives back what was printed, every type and odd name', () => {
    const model = everything();
    const again = parse(full(model));
    expect(full(again)).toBe(full(model));
    expect(again.graph.initializers.map((v) => v.tensor)).toEqual(model.graph.initializers.map((v) => v.tensor));
  });

  it.each([1, 2, 3])('gives back random model %i', (seed) => {
    const model = inferModel(randomModel(seed));
    expect(writeModel(parse(full(model)))).toEqual(writeModel(model));
  });

  it('takes a graph alone and nodes in any order', () => {
    const { graph, opsets } = parse('graph g { %y = Neg(%h) %h = Neg(%x) input %x: float32 output %y }');
    expect(opsets).toEqual({ '': 20 });
    expect(graph.nodes[0]?.inputs[0]?.producer).toBe(graph.nodes[1]);
  });

  it.each([
    ['', /line 1: expected 'graph', got the end/],
    ['graph g {', /expected '%', got the end/],
    ['graph g {\n input %x float32 }', /line 2: expected '%', got float32/],
    ['graph g {\n\n %y = Neg(%x) }', /expected 'x' to be defined, got a use by Neg only/],
    ['graph g { init %x = float32[2] {1} }', /expected 2 elements, got 1/],
    ['graph g { init %x = int64[1] {1.5} }', /expected an integer, got 1.5/],
    ['graph g { init %x = float33[1] {1} }', /expected an element type, got float33/],
    ['graph g { %y = Neg() {a: b} }', /expected a number, got b/],
    ['graph g { } graph h { }', /expected one graph, got graph/],
    ['graph "\\x" { }', /expected a text in JSON quotes/],
    ['graph g { ~ }', /expected a token, got '~'/],
  ])('%j is refused with a reason', (text, message) => {
    expect(() => parse(text)).toThrow(message);
    expect(() => parse(text)).toThrow(OnnxError);
  });
});
