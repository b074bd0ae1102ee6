/** Cutting apart after the heads are split, so that one `Reshape` and one `Transpose` serve all pieces. */
import { type Attribute, type Graph, type GraphBuilder, integersOf, Node, Value } from '@neuroprune/onnx';

/** What happens to each piece: rows are seen as [.., heads, size], and the axes are exchanged. */
interface Piece {
  readonly reshape: Node;
  readonly transpose: Node;
}

/**
 * Where every piece of a `Split` of rows [rows, pieces·heads·size] is only reshaped to […, heads, size] and transposed,
 * all alike, does both on the whole and cuts along the heads.
 */
export function splitByHeads(builder: GraphBuilder, split: Node): void {
  const { graph } = builder;
  const pieces = split.outputs.map((piece) => pieceOf(graph, piece));
  const [first] = pieces;
  if (!first || !pieces.every((p): p is Piece => p !== undefined && sameForm(p, first))) return;
  const target = first.reshape.inputs[1] as Value;
  const { perm } = first.transpose.attributes;
  const rank = first.reshape.outputs[0]?.shape?.length ?? 0;
  const wide = widened(builder, target, pieces.length);
  if (!wide || perm?.type !== 'ints' || rank < 3) return;
  const heads = rank - 2;
  const times = (shape: Value['shape'], axis: number) =>
    shape?.map((d, i) => (i === axis ? (typeof d === 'number' ? d * pieces.length : null) : d));
  const like = (stem: string, { outputs: [y] }: Node, axis: number) =>
    new Value(builder.fresh(stem), y?.dtype, times(y?.shape, axis));
  const axis = perm.value.indexOf(heads);
  const seen = like('Reshape', first.reshape, heads);
  const turned = like('Transpose', first.transpose, axis);
  const attributes: Record<string, Attribute> = { ...split.attributes, axis: { type: 'int', value: axis } };
  const results = pieces.map(({ transpose }) => transpose.outputs[0] as Value);
  const made = [
    ...wide.nodes,
    new Node('Reshape', [split.inputs[0], wide.target], [seen], first.reshape.attributes),
    new Node('Transpose', [seen], [turned], first.transpose.attributes),
    new Node('Split', [turned], results, attributes),
  ];
  const reshapes = pieces.map(({ reshape }) => reshape);
  const at = Math.min(...reshapes.map((node) => graph.nodes.indexOf(node)));
  const gone = new Set([split, ...pieces.flatMap(({ reshape, transpose }) => [reshape, transpose])]);
  graph.nodes.splice(at, 0, ...made);
  graph.nodes = graph.nodes.filter((node) => !gone.has(node));
}

/** The piece's only consumer and that one's, where they are of the kind. */
function pieceOf(graph: Graph, piece: Value): Piece | undefined {
  const reshape = onlyConsumer(graph, piece, 'Reshape');
  const transpose = reshape && onlyConsumer(graph, reshape.outputs[0] as Value, 'Transpose');
  return transpose && { reshape, transpose };
}

function onlyConsumer(graph: Graph, value: Value, opType: string): Node | undefined {
  if (graph.outputs.includes(value)) return undefined;
  const [only, ...more] = graph.nodes.filter(({ inputs }) => inputs.includes(value));
  return more.length === 0 && only?.opType === opType && only.inputs[0] === value ? only : undefined;
}

const sameForm = (a: Piece, b: Piece): boolean =>
  a.reshape.inputs[1] === b.reshape.inputs[1] &&
  JSON.stringify(a.transpose.attributes) === JSON.stringify(b.transpose.attributes);

/** A `Reshape` target with `count` times the heads, its last but one entry: a constant, or one put together from extents. */
function widened(builder: GraphBuilder, target: Value, count: number) {
  if (target.tensor) {
    const made = timesHeads(builder, target, count);
    return made && { target: made, nodes: [] };
  }
  const { producer } = target;
  const last = producer?.inputs.at(-1);
  if (producer?.opType !== 'Concat' || !last?.tensor) return undefined;
  const made = timesHeads(builder, last, count);
  if (!made) return undefined;
  const wide = new Value(builder.fresh('Concat'), 'int64', target.shape);
  const node = new Node('Concat', [...producer.inputs.slice(0, -1), made], [wide], producer.attributes);
  return { target: wide, nodes: [node] };
}

function timesHeads(builder: GraphBuilder, constant: Value, count: number): Value | undefined {
  const entries = integersOf(constant);
  if (!entries || entries.length < 2) return undefined;
  return builder.ints(...entries.map((n, i) => (i === entries.length - 2 ? n * count : n)));
}
