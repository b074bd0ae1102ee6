import type { DType } from '../dtype.js';
import type { Node } from '../model.js';
import { same } from './elementwise.js';
import { type InferRule, numberAttribute, shapeAt, tensorAttribute } from './rule.js';

const ArrayFeatureExtractor: InferRule = (node) => {
  const [x, y] = [shapeAt(node, 0), shapeAt(node, 1)];
  const lead = x && (x.length === 1 ? [1] : x.slice(0, -1));
  return [{ dtype: node.inputs[0]?.dtype, shape: lead && [...lead, y?.at(-1) ?? null] }];
};

const labels: readonly (readonly [attribute: string, dtype: DType])[] = [
  ['values_strings', 'string'],
  ['values_int64s', 'int64'],
  ['values_floats', 'float32'],
];

/** The type of the values of the map, whichever attribute has them. */
const labelType = (node: Node): DType | undefined =>
  tensorAttribute(node, 'values_tensor')?.dtype ?? labels.find(([name]) => node.attributes[name])?.[1];

const LabelEncoder: InferRule = (node) => [{ dtype: labelType(node), shape: shapeAt(node, 0) }];

const TreeEnsemble: InferRule = (node) => [
  {
    dtype: node.inputs[0]?.dtype,
    shape: [shapeAt(node, 0)?.[0] ?? null, numberAttribute(node, 'n_targets', 1)],
  },
];

/** Shape rules of `ai.onnx.ml`, as far as ONNX's own test suite goes. */
export const ml = {
  ArrayFeatureExtractor,
  Binarizer: same,
  LabelEncoder,
  TreeEnsemble,
} as const satisfies Record<string, InferRule>;
