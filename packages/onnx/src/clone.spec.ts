import { describe, expect, it } from 'vitest';
import { everything } from '../test/models.js';
import { allGraphs, cloneGraph, cloneModel, type Graph, parse, print, Value } from './index.js';

const objects = (graph: Graph) =>
  new Set<unknown>(
    allGraphs(graph).flatMap((g) => [
      g,
      ...g.inputs,
      ...g.initializers,
      ...g.nodes,
      ...g.nodes.flatMap((n) => n.outputs),
    ]),
  );

describe('cloneModel', () => {
  it('copies every graph, node and value and shares tensors', () => {
    const model = everything();
    const map = new Map<Value, Value>();
    const copy = cloneModel(model, map);
    expect(print(copy)).toBe(print(model));
    const [before, after] = [objects(model.graph), objects(copy.graph)];
    expect(after.size).toBe(before.size);
    for (const object of after) expect(before.has(object)).toBe(false);
    const [constant] = model.graph.initializers as [Value];
    expect(map.get(constant)?.tensor).toBe(constant.tensor);
    copy.metadata.new = 'x';
    copy.opsets.new = 1;
    expect(print(model)).not.toContain('new');
    for (const graph of allGraphs(copy.graph))
      for (const node of graph.nodes) for (const output of node.outputs) expect(output.producer).toBe(node);
  });

  it('keeps an input and its default one value', () => {
    const copy = cloneModel(parse('graph g { input %x: float32[1] init %x = float32[1] {1} %y = Neg(%x) output %y }'));
    expect(copy.graph.inputs[0]).toBe(copy.graph.initializers[0]);
  });
});

describe('cloneGraph', () => {
  it('maps values of outer graphs where told, and shares them where not', () => {
    const model = parse(`graph g { input %x: float32 %h = Neg(%x)
      %y = If(%x) {then_branch: graph t { %a = Add(%x, %h) output %a }, else_branch: graph e { %b = Neg(%x) output %b }} output %y }`);
    const [h, y] = model.graph.nodes.map((n) => n.outputs[0] as Value) as [Value, Value];
    const branch = y.producer?.attributes.then_branch?.value as Graph;
    const other = new Value('other', 'float32');
    const copy = cloneGraph(branch, new Map([[h, other]]));
    expect(copy.nodes[0]?.inputs).toEqual([model.graph.inputs[0], other]);
    expect(copy.nodes[0]?.inputs[0]).toBe(model.graph.inputs[0]);
    expect(branch.nodes[0]?.inputs[1]).toBe(h);
  });
});
