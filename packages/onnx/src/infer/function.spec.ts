import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../builder.js';
import { emptyGraph, type Model, type ModelFunction, modelOf, Node, Value } from '../model.js';
import { inferModel } from './infer.js';

/** A function of domain `local` whose graph is made by `fill`, which returns the result. */
function localFunction(name: string, fill: (x: Value, add: (node: Node) => Value) => Value): ModelFunction {
  const graph = emptyGraph(name);
  const x = new Value('x');
  graph.inputs.push(x);
  const add = (node: Node): Value => {
    graph.nodes.push(node);
    return node.outputs[0] as Value;
  };
  graph.outputs.push(fill(x, add));
  return { domain: 'local', overload: '', graph, attributes: ['axis'], defaults: {}, opsets: { '': 17 } };
}

const call = (name: string, x: Value, axis: number) =>
  new Node(name, [x], [new Value(`${name}_${axis}`)], { axis: { type: 'int', value: axis } }, 'local');

/** Flattens at the axis of the call. */
const flat = localFunction('Flat', (x, add) =>
  add(new Node('Flatten', [x], [new Value('y')], { axis: { type: 'reference', value: 'axis', of: 'int' } })),
);

/** Calls `Flat` with the number it is given itself. */
const nested = localFunction('Nested', (x, add) =>
  add(
    new Node(
      'Flat',
      [add(new Node('Neg', [x], [new Value('n')]))],
      [new Value('y')],
      { axis: { type: 'reference', value: 'axis', of: 'int' } },
      'local',
    ),
  ),
);

/** Calls itself twice. */
const endless = localFunction('Endless', (x, add) => {
  const again = (v: Value, name: string) => add(new Node('Endless', [v], [new Value(name)], {}, 'local'));
  return again(again(x, 'a'), 'b');
});

function modelWith(functions: ModelFunction[], build: (x: Value) => Node): { model: Model; node: Node } {
  const b = new GraphBuilder();
  const node = build(b.input('input', 'float32', ['n', 3, 4]));
  b.graph.nodes.push(node);
  return { model: { ...modelOf(b.graph), functions }, node };
}

describe("inference through a model's functions", () => {
  it.each([
    ['Flat', 1, ['n', 12]],
    ['Flat', 2, ['3*n', 4]],
    ['Nested', 2, ['3*n', 4]],
  ])('%s at axis %i', (name, axis, shape) => {
    const { model, node } = modelWith([flat, nested], (x) => call(name, x, axis));
    inferModel(model);
    expect(node.outputs[0]).toMatchObject({ dtype: 'float32', shape });
    expect(flat.graph.outputs[0]?.shape).toBeUndefined();
  });

  it('takes the default where the call gives no attribute', () => {
    const withDefault = { ...flat, defaults: { axis: { type: 'int', value: 0 } as const } };
    const { model, node } = modelWith([withDefault], (x) => new Node('Flat', [x], [new Value('y')], {}, 'local'));
    inferModel(model);
    expect(node.outputs[0]?.shape).toEqual([1, '12*n']);
  });

  it('ends at functions that call themselves', () => {
    const { model, node } = modelWith([endless], (x) => new Node('Endless', [x], [new Value('y')], {}, 'local'));
    inferModel(model);
    expect(node.outputs[0]?.shape).toBeUndefined();
  });
});
