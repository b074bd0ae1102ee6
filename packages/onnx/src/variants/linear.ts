import { numberAttribute } from '../infer/rule.js';
import type { Node, Value } from '../model.js';
import { sizeOf, type Tensor } from '../tensor.js';

/** A matrix of constants that activations are multiplied by: y = x·W + bias. */
export interface Linear {
  readonly x: Value;
  readonly weight: Value;
  /** The weight's content. */
  readonly content: Tensor<'float32'>;
  /** Whether it lies as [out, in]; else [in, out]. */
  readonly byOutput: boolean;
  readonly bias: Value | undefined;
  readonly inputs: number;
  readonly outputs: number;
}

/** Matrices of fewer elements stay as they are: nothing is won. */
const LEAST_ELEMENTS = 1024;

/** The float32 matrix that a value holds, when it is worth storing in fewer bits. */
export function matrixOf(value: Value | undefined): Tensor<'float32'> | undefined {
  const content = value?.tensor;
  const fits = content?.dtype === 'float32' && content.dims.length === 2 && sizeOf(content.dims) >= LEAST_ELEMENTS;
  return fits ? (content as Tensor<'float32'>) : undefined;
}

/** The node's product with a matrix of constants, where it is one; a `Gemm` with factors or a transposed first operand is none. */
export function linearOf(node: Node): Linear | undefined {
  const [x, weight, bias] = node.inputs;
  const content = matrixOf(weight);
  if (node.domain !== '' || !x || !weight || !content) return undefined;
  const isPlain =
    numberAttribute(node, 'alpha', 1) === 1 && numberAttribute(node, 'transA', 0) === 0 && hasPlainBias(node);
  if (node.opType !== 'MatMul' && !(node.opType === 'Gemm' && isPlain)) return undefined;
  const byOutput = numberAttribute(node, 'transB', 0) === 1;
  const [rows = 0, columns = 0] = content.dims;
  const [inputs, outputs] = byOutput ? [columns, rows] : [rows, columns];
  return { x, weight, content, byOutput, bias, inputs, outputs };
}

const hasPlainBias = (node: Node): boolean => !node.inputs[2] || numberAttribute(node, 'beta', 1) === 1;
