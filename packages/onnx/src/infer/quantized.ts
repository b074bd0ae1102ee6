import { dtypeOfCode } from '../dtype.js';
import type { Node } from '../model.js';
import { convolvedShape } from './convolution.js';
import { matMulShape } from './linalg.js';
import { type InferRule, numberAttribute, shapeAt } from './rule.js';

/** The type `output_dtype` names, 0 being none. */
const outputType = (node: Node) => dtypeOfCode(numberAttribute(node, 'output_dtype', 0));

const QuantizeLinear: InferRule = (node) => [
  { dtype: node.inputs[2] ? node.inputs[2].dtype : (outputType(node) ?? 'uint8'), shape: shapeAt(node, 0) },
];

const DequantizeLinear: InferRule = (node) => [
  { dtype: outputType(node) ?? node.inputs[1]?.dtype, shape: shapeAt(node, 0) },
];

const DynamicQuantizeLinear: InferRule = (node) => [
  { dtype: 'uint8', shape: shapeAt(node, 0) },
  { dtype: 'float32', shape: [] },
  { dtype: 'uint8', shape: [] },
];

const ConvInteger: InferRule = (node) => [{ dtype: 'int32', shape: convolvedShape(node, 1) }];

const QLinearConv: InferRule = (node) => [{ dtype: node.inputs[7]?.dtype, shape: convolvedShape(node, 3) }];

const MatMulInteger: InferRule = (node) => [
  { dtype: 'int32', shape: matMulShape(node.opType, shapeAt(node, 0), shapeAt(node, 1)) },
];

const QLinearMatMul: InferRule = (node) => [
  { dtype: node.inputs[7]?.dtype, shape: matMulShape(node.opType, shapeAt(node, 0), shapeAt(node, 3)) },
];

/** Shape rules of quantization, and of products of quantized numbers. */
export const quantized = {
  ConvInteger,
  DequantizeLinear,
  DynamicQuantizeLinear,
  MatMulInteger,
  QLinearConv,
  QLinearMatMul,
  QuantizeLinear,
} as const satisfies Record<string, InferRule>;
