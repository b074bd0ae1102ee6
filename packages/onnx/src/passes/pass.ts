import { allGraphs, type Graph, type Model, rootGraphs, type Value } from '../model.js';

export { reads } from '../order.js';

/** What a pass hands back: the model it was given, and whether it changed anything. */
export interface PassResult {
  readonly model: Model;
  readonly modified: boolean;
}

/** Rewrites a model in place, subgraphs included; `cloneModel` first to keep the original. */
export type Pass = (model: Model) => PassResult;

/** Rounds after which `runPasses` stops; each pass ends on its own, this bounds passes that undo each other. */
const MAX_ROUNDS = 16;

/** Runs passes in order, over again until none of them changes anything. */
export function runPasses(model: Model, passes: readonly Pass[]): PassResult {
  let modified = false;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const changes = passes.filter((pass) => pass(model).modified);
    if (changes.length === 0) break;
    modified = true;
  }
  return { model, modified };
}

/** A pass over one graph at a time, outer graphs first, functions last; `root` is the model's graph or the function's. */
export const eachGraph =
  (rewrite: (graph: Graph, root: Graph, model: Model) => boolean): Pass =>
  (model) => {
    const changes = rootGraphs(model).flatMap((root) => allGraphs(root).filter((g) => rewrite(g, root, model)));
    return { model, modified: changes.length > 0 };
  };

/** True where inputs have values of their own, in place of which others may be given at run time. */
export const hasDefaults = (root: Graph): boolean =>
  allGraphs(root).some((g) => g.inputs.some((v) => v.tensor || v.sparse));

/** Values that a node or a graph's output reads, in any of the graphs. */
export function usedValues(root: Graph): Set<Value> {
  const operands = allGraphs(root).flatMap((g) => [...g.outputs, ...g.nodes.flatMap((n) => n.inputs)]);
  return new Set(operands.filter((v): v is Value => v !== undefined));
}

function replaceAnnotations(graph: Graph, final: (value: Value) => Value): void {
  const replaced = (v: Value | string) => (typeof v === 'string' ? v : final(v));
  graph.quantization = graph.quantization?.map(({ value, parameters }) => {
    const entries = Object.entries(parameters).map(([role, v]) => [role, replaced(v)] as const);
    return { value: replaced(value), parameters: Object.fromEntries(entries) };
  });
}

/** Makes every node and every list of outputs, in any of the graphs, name `replacements.get(v)` where it named `v`. */
export function replaceOperands(root: Graph, replacements: ReadonlyMap<Value, Value>): void {
  const final = (value: Value): Value => {
    let last = value;
    for (let next = replacements.get(last); next; next = replacements.get(last)) last = next;
    return last;
  };
  for (const graph of allGraphs(root)) {
    graph.outputs = graph.outputs.map(final);
    if (graph.quantization) replaceAnnotations(graph, final);
    for (const node of graph.nodes) {
      node.inputs.forEach((v, i) => {
        if (v) node.inputs[i] = final(v);
      });
    }
  }
}
