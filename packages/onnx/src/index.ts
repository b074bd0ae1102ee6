export { codeOf, GraphBuilder, isTyped, scalarTensor } from './builder.js';
export { check } from './check.js';
export { cloneGraph, cloneModel } from './clone.js';
export { CONTRIB_DOMAIN, type ContribType, contribOps, contribType } from './contrib.js';
export { type DType, dtypeOfCode, dtypes } from './dtype.js';
export { type Equation, readEquation } from './einsum.js';
export { OnnxError } from './errors.js';
export { bfloat16Bits, float16Bits, fromFloat16Bits } from './half.js';
export { domainRules, inferModel, inferNode, inferRules } from './infer/infer.js';
export type { InferRule, TypeInfo } from './infer/rule.js';
export { elementsOf, integersOf } from './infer/rule.js';
export {
  type Attribute,
  type AttributeType,
  type AttributeValue,
  allGraphs,
  emptyGraph,
  type Graph,
  type Model,
  type ModelFunction,
  modelOf,
  Node,
  OPSET,
  type Quantization,
  rootGraphs,
  subgraphs,
  Value,
} from './model.js';
export type { Notes } from './notes.js';
export { type Attributes, isOpType, type Operand, type OpFunctions, type OpSpec, type OpType, ops } from './ops.js';
export { parse } from './parse.js';
export { eliminateCommonSubexpressions } from './passes/common-subexpressions.js';
export { eliminateDeadCode } from './passes/dead-code.js';
export { decompose, decomposeNode } from './passes/decompose.js';
export { eliminateDropout } from './passes/eliminate-dropout.js';
export { eliminateIdentity } from './passes/eliminate-identity.js';
export { foldConstants } from './passes/fold-constants.js';
export { inlineFunctions } from './passes/inline-functions.js';
export { lift } from './passes/lift/lift.js';
export { LIFTED_OPSET } from './passes/lift/rule.js';
export { type Pass, type PassResult, runPasses } from './passes/pass.js';
export { sortNodes } from './passes/sort.js';
export { takeBranches } from './passes/take-branches.js';
export { type PrintOptions, print, printGraph } from './print.js';
export { type ReadOptions, readModel } from './serde/read.js';
export { byteLengthOf } from './serde/tensor.js';
export { saveModel, type WriteOptions, writeModel } from './serde/write.js';
export { axisOf, broadcast, type Dim, product, quotient, type Shape, showShape } from './shape.js';
export {
  type Stack,
  type StateTensor,
  type StepSignature,
  setStepSignature,
  slotInput,
  slotOutput,
  stackDims,
  stateOf,
  stepSignature,
  type Variable,
  variableOutput,
} from './step-signature.js';
export {
  float32,
  int64,
  type SparseTensor,
  sizeOf,
  type Tensor,
  type TensorArrays,
  type TensorData,
  tensor,
  viewOf,
  zeros,
} from './tensor.js';
export type { OtherType, ValueType } from './value-type.js';
export type { FourBitOptions } from './variants/four-bit-matrix.js';
export { quantizeBlockwise } from './variants/quantize-blockwise.js';
export { quantizeDynamic, quantizeTables } from './variants/quantize-dynamic.js';
export { toFloat16 } from './variants/to-float16.js';
