import { allGraphs, GraphBuilder, Node, type Pass, Value } from '@neuroprune/onnx';

/**
 * Casts of all parts of a `Split`, or of all parts of a `Concat`, become one cast of the whole: the weights of a stack go to 16
 * bits at once and their gradients come back at once. Casts that nobody reads then are left to `eliminateDeadCode`.
 */
export const gatherCasts: Pass = (model) => {
  const builder = new GraphBuilder(model.graph);
  const casts = castsIn(builder);
  const changed = [...model.graph.nodes].filter(({ domain, opType }, i, nodes) => {
    if (domain !== '') return false;
    if (opType === 'Split') return castBeforeSplit(builder, nodes[i] as Node, casts);
    return opType === 'Concat' && castAfterConcat(builder, nodes[i] as Node);
  });
  return { model, modified: changed.length > 0 };
};

const isCast = (node: Node | undefined): node is Node => node?.opType === 'Cast' && node.domain === '';

/** Each value's cast, those that make an output of the graph apart: they keep their place. */
function castsIn({ graph }: GraphBuilder): ReadonlyMap<Value, Node> {
  const outputs = new Set(allGraphs(graph).flatMap((g) => g.outputs));
  const free = graph.nodes.filter((node) => isCast(node) && !outputs.has(node.outputs[0] as Value));
  return new Map(free.map((node) => [node.inputs[0] as Value, node]));
}

/** A second `Split`, of the cast whole, makes the results of the casts. */
function castBeforeSplit(builder: GraphBuilder, split: Node, casts: ReadonlyMap<Value, Node>): boolean {
  const { graph } = builder;
  const [whole, ...sizes] = split.inputs as [Value, ...Value[]];
  const own = split.outputs.map((part) => casts.get(part));
  const [first] = own;
  const dtype = first?.outputs[0]?.dtype;
  if (!first || own.length < 2 || own.some((c) => c?.outputs[0]?.dtype !== dtype)) return false;
  const low = new Value(builder.fresh(`${whole.name}_low`), dtype, whole.shape);
  const parts = own.map((c) => (c as Node).outputs[0] as Value);
  const gone = new Set<Node | undefined>(own);
  graph.nodes = graph.nodes.filter((n) => !gone.has(n));
  graph.nodes.splice(
    graph.nodes.indexOf(split) + 1,
    0,
    new Node('Cast', [whole], [low], first.attributes),
    new Node('Split', [low, ...sizes], parts, split.attributes),
  );
  return true;
}

/** The parts as they were before their casts are put together, and the whole is cast. */
function castAfterConcat(builder: GraphBuilder, concat: Node): boolean {
  const { graph } = builder;
  const makers = concat.inputs.map((v) => v?.producer);
  const sources = makers.map((c) => (isCast(c) ? c.inputs[0] : undefined));
  const dtype = sources[0]?.dtype;
  if (dtype === undefined || sources.length < 2 || sources.some((v) => v?.dtype !== dtype)) return false;
  const [whole] = concat.outputs as [Value];
  const low = new Value(builder.fresh(`${whole.name}_low`), dtype, whole.shape);
  graph.nodes.splice(
    graph.nodes.indexOf(concat),
    1,
    new Node('Concat', sources, [low], concat.attributes),
    new Node('Cast', [low], [whole], (makers[0] as Node).attributes),
  );
  return true;
}
