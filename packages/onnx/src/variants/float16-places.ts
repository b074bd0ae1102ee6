import { CONTRIB_DOMAIN, contribType } from '../contrib.js';
import type { Graph, Node, Value } from '../model.js';
import { subgraphs } from '../model.js';
import { isOpType } from '../ops.js';
import { reads } from '../order.js';

/**
 * Operators that stay in float32: sums and powers overflow at 65504, angles and logarithms lose what their arguments lack,
 * and a softmax over scores with a mask added must not meet an infinity; those behind them have no float16 kernels.
 */
const wideOperators = new Set([
  ...['Softmax', 'LogSoftmax', 'Hardmax', 'Exp', 'Log', 'Pow', 'Sqrt', 'Reciprocal', 'Cos', 'Sin', 'CumSum', 'Mod'],
  ...['ReduceSum', 'ReduceMean', 'ReduceProd', 'ReduceSumSquare', 'ReduceL1', 'ReduceL2', 'ReduceLogSum'],
  ...['ReduceLogSumExp', 'GlobalAveragePool', 'GroupNormalization', 'InstanceNormalization', 'BatchNormalization'],
  ...['Constant', 'ConstantOfShape', 'EyeLike', 'Range', 'RandomNormal', 'RandomNormalLike', 'RandomUniform'],
  ...['RandomUniformLike', 'Multinomial', 'Bernoulli', 'Resize', 'Upsample', 'DFT', 'STFT', 'NonMaxSuppression'],
  ...['DynamicQuantizeLinear', 'QuantizeLinear', 'DequantizeLinear', 'SequenceEmpty', 'Optional'],
]);

/** Operators that pass on or combine elements: between float32 ones, they gain nothing by float16. */
const following = new Set([
  ...[
    'Add',
    'Sub',
    'Mul',
    'Div',
    'Neg',
    'Abs',
    'Sign',
    'Min',
    'Max',
    'Clip',
    'Where',
    'Floor',
    'Ceil',
    'Round',
    'Cast',
  ],
  ...['Unsqueeze', 'Squeeze', 'Reshape', 'Expand', 'Transpose', 'Concat', 'Slice', 'Identity', 'Tile'],
]);

/** Operators that say the same whatever the type of their operand's elements. */
const indifferent = new Set(['Shape', 'Size']);

/** Operators of ONNX Runtime that have no form in the tables but take float16. */
const ownOperators = new Set(['MatMulNBits']);

const isKnown = (node: Node): boolean =>
  (node.domain === '' && isOpType(node.opType)) ||
  contribType(node) !== undefined ||
  (node.domain === CONTRIB_DOMAIN && ownOperators.has(node.opType));

/** Reads floats and gives none: a comparison, or a conversion to whole numbers. */
const endsFloats = (node: Node, isFloat: (v: Value) => boolean): boolean =>
  !indifferent.has(node.opType) && node.inputs.some((v) => v && isFloat(v)) && !node.outputs.some(isFloat);

const isWide = (node: Node, isFloat: (v: Value) => boolean): boolean =>
  wideOperators.has(node.opType) || !isKnown(node) || subgraphs(node).length > 0 || endsFloats(node, isFloat);

/** Nodes that read constants alone: the runtime works them out when it loads the model, which it can in float32 only. */
function constantNodes({ nodes, inputs }: Graph): ReadonlySet<Node> {
  const found = new Set<Node>();
  const isConstant = (v: Value) => (v.producer ? found.has(v.producer) : v.tensor !== undefined && !inputs.includes(v));
  for (const node of nodes) if (reads(node).every(isConstant)) found.add(node);
  return found;
}

/**
 * The nodes of a graph that stay in float32: those that must, what only they read, and what is known before the model
 * runs.
 */
export function wideNodes(graph: Graph, isFloat: (v: Value) => boolean): ReadonlySet<Node> {
  const wide = new Set(constantNodes(graph));
  const readers = new Map<Value, Node[]>();
  for (const node of graph.nodes) {
    for (const value of reads(node)) readers.set(value, [...(readers.get(value) ?? []), node]);
  }
  const outputs = new Set(graph.outputs);
  for (const node of [...graph.nodes].reverse()) {
    const all = node.outputs.flatMap((v) => readers.get(v) ?? []);
    const onlyForWide = all.length > 0 && all.every((reader) => wide.has(reader) || indifferent.has(reader.opType));
    const follows = following.has(node.opType) && onlyForWide && !node.outputs.some((v) => outputs.has(v));
    if (follows || isWide(node, isFloat)) wide.add(node);
  }
  return wide;
}
