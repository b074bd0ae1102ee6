import { describe, expect, it } from 'vitest';
import { run } from '../../test/run.js';
import {
  check,
  cloneModel,
  float32,
  inlineFunctions,
  lift,
  type Model,
  Node,
  parse,
  print,
  Value,
  writeModel,
} from '../index.js';

const header = 'onnx 10 ""\nopset "" 20\nopset "my" 1\n';
const text = (graph: string, ...functions: string[]): Model =>
  parse(
    `${header}graph g {\ninput %x: float32[2,3]\n${graph}\noutput %y\n}\n${functions.map((f) => `function ${f}\n}`).join('\n')}`,
  );
const x = float32([3, -1, 2, 0.5, -2, 1], [2, 3]);

const scale =
  'my::scale {\nopset "" 20\nattribute by = 2.0\ninput %a\n%c = Constant() {value_float: reference float "by"}\n%b = Mul(%a, %c)\noutput %b';
const norm =
  'my::norm {\nopset "" 20\nopset "my" 1\ninput %a\ninput %g\n%h = my::scale(%a) {by: 0.5}\n%t = Tanh(%h)\n%s = Add(%t, %g)\noutput %s\noutput %h';
const branch = (name: string, node: string) => `graph ${name} {\n%o_${name} = ${node}\noutput %o_${name}\n}`;

describe('inlineFunctions', () => {
  it.each<[string, Model]>([
    ['a call', text('%y = my::scale(%x) {by: 3.0}', scale)],
    ['a default', text('%y = my::scale(%x)', scale)],
    ['two calls in a row', text('%h = my::scale(%x)\n%y = my::scale(%h) {by: -1.0}', scale)],
    ['calls inside functions', text('%s, %h = my::norm(%x, %x)\n%y = Sub(%s, %h)', scale, norm)],
    ['a name that the graph has too', text('%b = Neg(%x)\n%h = my::scale(%b)\n%y = Add(%b, %h)', scale)],
    [
      'an operand left out',
      text('%y = my::clip(%x)', 'my::clip {\nopset "" 20\ninput %a\ninput %m\n%b = Clip(%a, %m)\noutput %b'),
    ],
    [
      'a call in a subgraph',
      text(
        `%z = ReduceSum(%x) {keepdims: 0}\n%c = Cast(%z) {to: 9}\n%y = If(%c) {then_branch: ${branch('t', 'my::scale(%x)')}, else_branch: ${branch('e', 'Neg(%x)')}}`,
        scale,
      ),
    ],
    [
      'a function with subgraphs, called twice',
      text(
        '%h = my::either(%x)\n%y = my::either(%h)',
        `my::either {\nopset "" 20\ninput %a\n%z = ReduceSum(%a) {keepdims: 0}\n%c = Cast(%z) {to: 9}\n%r = If(%c) {then_branch: ${branch('t', 'Exp(%a)')}, else_branch: ${branch('e', 'Neg(%a)')}}\noutput %r`,
      ),
    ],
  ])('%s', async (_, model) => {
    const expected = await run(cloneModel(model), { x });
    expect(inlineFunctions(model)).toEqual({ model, modified: true });
    check(model);
    expect(model.functions).toEqual([]);
    expect(model.graph.outputs.map((v) => v.name)).toEqual(['y']);
    expect(await run(writeModel(model), { x })).toEqual(expected);
    expect(inlineFunctions(model).modified).toBe(false);
  });

  // ONNX Runtime takes neither: it runs its own operator where it knows the name, and wants a node for every output.
  it.each([
    ['in the place of an operator', 'Relu', '%b = Neg(%a)\noutput %b', [-3, 1, -2, -0.5, 2, -1]],
    ['that hands on its operand', 'my::same', 'output %a', [3, -1, 2, 0.5, -2, 1]],
  ])('a function %s', async (_, name, body, expected) => {
    const model = text(`%y = ${name}(%x)`, `${name.replace(/^R/, '""::R')} {\nopset "" 20\ninput %a\n${body}`);
    expect(Array.from((await run(inlineFunctions(model).model, { x })).y?.data as Float32Array)).toEqual(expected);
  });

  it('names nodes after the call, and each once', () => {
    const named = 'my::twice {\nopset "" 20\ninput %a\n%b = Neg(%a) @n\n%c = Exp(%b) @m\noutput %c';
    const model = text('%g = my::twice(%x) @first\n%h = my::twice(%g) @second\n%y = my::twice(%h)', named);
    const names = inlineFunctions(model).model.graph.nodes.map((node) => node.name);
    expect(names).toEqual(['first/n', 'first/m', 'second/n', 'second/m', '', '']);
  });

  it('works out the types of what it writes', () => {
    const { graph } = inlineFunctions(text('%h = my::scale(%x)\n%y = Transpose(%h)', scale)).model;
    expect(graph.outputs[0]).toMatchObject({ dtype: 'float32', shape: [3, 2] });
  });

  it('knows the operator sets of what it writes', () => {
    const model = text(
      '%y = my::far(%x)',
      'my::far {\nopset "" 20\nopset "far" 3\ninput %a\n%b = far::Op(%a)\noutput %b',
    );
    inlineFunctions(model);
    expect(model.opsets.far).toBe(3);
    check(model);
  });

  it('leaves functions of other sets until lift has brought all to one', async () => {
    const old = 'my::sum {\nopset "" 12\ninput %a\n%b = ReduceSum(%a) {axes: [0]}\noutput %b';
    const model = text('%s = my::scale(%x)\n%y = my::sum(%s)', scale, old);
    expect(inlineFunctions(model).modified).toBe(true);
    expect(model.functions?.map((f) => f.graph.name)).toEqual(['sum']);
    expect(inlineFunctions(lift(model).model).modified).toBe(true);
    expect(model.functions).toEqual([]);
    expect(Array.from((await run(model, { x })).y?.data as Float32Array)).toEqual([7, -6, 6]);
  });

  it('keeps what it has no call of', () => {
    const model = text('%y: float32[2,3] = Neg(%x)', scale);
    const before = print(model);
    expect(inlineFunctions(model).modified).toBe(false);
    expect(print(model)).toBe(before);
  });

  it.each<[string, Model, string]>([
    [
      'an output that nobody gives',
      text('%y = my::f()', 'my::f {\nopset "" 20\ninput %a\noutput %a'),
      "f (node 'y'): expected an operand for 'a', got none",
    ],
    [
      'what grows beyond bounds',
      text(
        '%y = my::f0(%x)',
        ...Array.from({ length: 40 }, (_, i) =>
          i < 39
            ? `my::f${i} {\nopset "my" 1\ninput %a\n%b = my::f${i + 1}(%a)\n%c = my::f${i + 1}(%b)\noutput %c`
            : `my::f${i} {\nopset "" 20\ninput %a\n%b = Neg(%a)\noutput %b`,
        ),
      ),
      'functions: expected at most 200000 nodes when inlined, got more',
    ],
  ])('refuses %s', (_, model, message) => {
    expect(() => inlineFunctions(model)).toThrow(message);
  });

  it('refuses functions that call themselves', () => {
    const model = text('%y = my::scale(%x)', scale);
    const body = model.functions?.[0]?.graph;
    body?.nodes.push(new Node('scale', [body.inputs[0]], [new Value('z')], {}, 'my'));
    expect(() => inlineFunctions(model)).toThrow("function 'my::scale': expected no recursion");
  });
});
