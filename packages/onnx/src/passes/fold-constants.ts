import type { DType } from '../dtype.js';
import { calledBy, type Functions, functionsOf } from '../functions.js';
import { constantTensor } from '../infer/constant.js';
import { inferModel } from '../infer/infer.js';
import { integersOf } from '../infer/rule.js';
import { allGraphs, type Graph, type Model, type Node, type Value } from '../model.js';
import { float32, int64, sizeOf, type Tensor, tensor } from '../tensor.js';
import { hasDefaults, type Pass } from './pass.js';

/** Larger results are left to the runtime: folding is for shapes and scalars, not for weights. */
const MAX_ELEMENTS = 64;

/** Integers that shape inference has worked out. */
function knownIntegers({ dtype, shape }: Value, elements: readonly number[] | undefined): Tensor | undefined {
  // Beyond 2^53, as the ends of open slices are, a number stands for integers beside it too.
  if (!elements?.every(Number.isSafeInteger) || !shape?.every((d) => typeof d === 'number')) return undefined;
  const dims = shape as readonly number[];
  if (sizeOf(dims) !== elements.length || elements.length > MAX_ELEMENTS) return undefined;
  if (dtype === 'int64') return int64(elements, dims);
  return dtype === 'int32' ? tensor('int32', dims, Int32Array.from(elements)) : undefined;
}

/** Operators on float32 scalars; rounding to float32 after each one is what the runtime does too. */
const scalarMath: { readonly [op: string]: (a: number, b: number) => number } = {
  Add: (a, b) => a + b,
  Cast: (a) => a,
  Div: (a, b) => a / b,
  Mul: (a, b) => a * b,
  Neg: (a) => -a,
  Reciprocal: (a) => 1 / a,
  Sqrt: (a) => Math.sqrt(a),
  Sub: (a, b) => a - b,
};

function scalarOf(value: Value | undefined): number | undefined {
  const content = value?.tensor;
  if (!content || sizeOf(content.dims) !== 1 || !isScalarType(content.dtype)) return undefined;
  return Number(content.data[0]);
}

const isScalarType = (dtype: DType): boolean => dtype === 'float32' || dtype === 'int64' || dtype === 'int32';

function scalarResult(node: Node, output: Value): Tensor | undefined {
  const f = Object.hasOwn(scalarMath, node.opType) ? scalarMath[node.opType] : undefined;
  if (!f || output.dtype !== 'float32' || !output.shape?.every((d) => d === 1)) return undefined;
  const operands = node.inputs.map(scalarOf);
  if (operands.length === 0 || operands.some((x) => x === undefined)) return undefined;
  const [a, b] = operands as number[];
  const isNumber = (v: Value | undefined) => v?.dtype === 'float32' || (node.opType === 'Cast' && isInteger(v));
  if (!node.inputs.every(isNumber)) return undefined;
  return float32([f(a ?? 0, b ?? 0)], output.shape as readonly number[]);
}

const isInteger = (v: Value | undefined): boolean => v?.dtype === 'int64' || v?.dtype === 'int32';

function resultOf(node: Node): Tensor | undefined {
  const [output, ...more] = node.outputs;
  if (!output || more.length > 0 || node.domain !== '') return undefined;
  return (
    (node.opType === 'Constant' ? constantTensor(node) : undefined) ??
    knownIntegers(output, integersOf(output)) ??
    scalarResult(node, output)
  );
}

function foldGraph(graph: Graph, functions: Functions): boolean {
  const kept = graph.nodes.filter((node) => {
    const output = node.outputs[0];
    if (!output || graph.outputs.includes(output) || calledBy(node, functions)) return true;
    const content = resultOf(node);
    if (!content) return true;
    output.tensor = content;
    output.dtype = content.dtype;
    output.shape = content.dims;
    output.producer = undefined;
    graph.initializers.push(output);
    return false;
  });
  const modified = kept.length < graph.nodes.length;
  graph.nodes = kept;
  return modified;
}

/**
 * Turns what is known beforehand into initializers: `Constant` nodes, integer arithmetic on shapes (through shape
 * inference, which this pass runs) and arithmetic on float32 scalars. Graph outputs stay computed, and functions stay as
 * they are, since they have no initializers. A model with defaults for its inputs is left alone: they may be given other
 * values at run time.
 */
export const foldConstants: Pass = (model: Model) => {
  if (hasDefaults(model.graph)) return { model, modified: false };
  inferModel(model);
  const functions = functionsOf(model);
  const changed = allGraphs(model.graph).filter((graph) => foldGraph(graph, functions));
  if (changed.length > 0) inferModel(model);
  return { model, modified: changed.length > 0 };
};
