export { codeOf, GraphBuilder, isTyped, scalarTensor } from './builder.js';
export { type DType, dtypeOfCode, dtypes } from './dtype.js';
export { OnnxError } from './errors.js';
export { inferModel, inferNode, inferRules } from './infer/infer.js';
export type { InferRule, TypeInfo } from './infer/rule.js';
export { elementsOf, integersOf } from './infer/rule.js';
export {
  type Attribute,
  allGraphs,
  emptyGraph,
  type Graph,
  type Model,
  modelOf,
  Node,
  OPSET,
  subgraphs,
  Value,
} from './model.js';
export { type Attributes, isOpType, type Operand, type OpFunctions, type OpType, ops } from './ops.js';
export { parse } from './parse.js';
export { type PrintOptions, print, printGraph } from './print.js';
export { type ReadOptions, readModel } from './serde/read.js';
export { saveModel, type WriteOptions, writeModel } from './serde/write.js';
export { axisOf, broadcast, type Dim, product, quotient, type Shape, showShape } from './shape.js';
export {
  type Stack,
  type StepSignature,
  setStepSignature,
  slotInput,
  slotOutput,
  stackDims,
  stepSignature,
} from './step-signature.js';
export { float32, int64, sizeOf, type Tensor, type TensorArrays, type TensorData, tensor, zeros } from './tensor.js';
