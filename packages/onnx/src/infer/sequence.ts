import { dtypeOfCode } from '../dtype.js';
import type { Node, Value } from '../model.js';
import { axisOf, type Dim, type Shape } from '../shape.js';
import type { ValueType } from '../value-type.js';
import { bodyOf } from './control.js';
import { type InferRule, integersOf, numberAttribute, shapeAt } from './rule.js';
import { commonType, infoOf, sequenceOf, typeOf } from './types.js';

/** The elements' type of a sequence or of an optional; undefined when not known. */
const elementOf = (value: Value | undefined): ValueType | undefined =>
  value?.type?.kind === 'sequence' || value?.type?.kind === 'optional' ? value.type.element : undefined;

const SequenceConstruct: InferRule = (node) => {
  const [first, ...others] = node.inputs.map(typeOf);
  return [infoOf(sequenceOf(others.reduce(commonType, first)))];
};

const SequenceEmpty: InferRule = (node) => [
  infoOf(sequenceOf({ kind: 'tensor', dtype: dtypeOfCode(numberAttribute(node, 'dtype', 1)), shape: undefined })),
];

const isEmpty = (value: Value | undefined): boolean =>
  value?.producer?.opType === 'SequenceEmpty' && value.producer.domain === '';

/** Of an empty sequence only the element type is known, and what comes first tells the rest. */
const SequenceInsert: InferRule = (node) => {
  const added = typeOf(node.inputs[1]);
  if (isEmpty(node.inputs[0]) && added) return [infoOf(sequenceOf(added))];
  const before = elementOf(node.inputs[0]);
  return [infoOf(sequenceOf(commonType(before, added) ?? (before ? undefined : added)))];
};

const SequenceErase: InferRule = (node) => [infoOf(sequenceOf(elementOf(node.inputs[0])))];

const SequenceAt: InferRule = (node) => [infoOf(elementOf(node.inputs[0]))];

const SequenceLength: InferRule = () => [{ dtype: 'int64', shape: [] }];

/** Sizes of the parts along the axis; null where they differ or are unknown. */
function partSize(node: Node, whole: Dim): Dim {
  if (!node.inputs[1]) return 1;
  const split = integersOf(node.inputs[1]);
  if (!split) return null;
  if (shapeAt(node, 1)?.length === 1) return split.every((s) => s === split[0]) ? (split[0] ?? null) : null;
  const [size = 0] = split;
  return typeof whole === 'number' && size > 0 && whole % size === 0 ? size : null;
}

const SplitToSequence: InferRule = (node) => {
  const x = shapeAt(node, 0);
  const axis = x && axisOf(numberAttribute(node, 'axis', 0), x.length);
  const drop = !node.inputs[1] && numberAttribute(node, 'keepdims', 1) === 0;
  const shape =
    axis === undefined
      ? undefined
      : drop
        ? x?.filter((_, i) => i !== axis)
        : x?.map((d, i) => (i === axis ? partSize(node, d) : d));
  return [infoOf(sequenceOf({ kind: 'tensor', dtype: node.inputs[0]?.dtype, shape }))];
};

const ConcatFromSequence: InferRule = (node) => {
  const element = elementOf(node.inputs[0]);
  if (element?.kind !== 'tensor' || !element.shape) return [{ dtype: infoOf(element).dtype, shape: undefined }];
  const { dtype, shape } = element;
  const stack = numberAttribute(node, 'new_axis', 0) === 1;
  const axis = axisOf(numberAttribute(node, 'axis', 0), shape.length + (stack ? 1 : 0));
  const result: Shape = stack
    ? [...shape.slice(0, axis), null, ...shape.slice(axis)]
    : shape.map((d, i) => (i === axis ? null : d));
  return [{ dtype, shape: result }];
};

/** A map's results are sequences of its body's. */
const SequenceMap: InferRule = (node) =>
  (bodyOf(node, 'body')?.outputs ?? []).map((v) => infoOf(sequenceOf(typeOf(v))));

const Optional: InferRule = (node) => {
  const { type } = node.attributes;
  const element = node.inputs[0] ? typeOf(node.inputs[0]) : type?.type === 'type' ? type.value : undefined;
  return [infoOf({ kind: 'optional', element })];
};

/** Since operator set 18 what is no optional is handed on. */
const OptionalGetElement: InferRule = (node) => {
  const type = typeOf(node.inputs[0]);
  return [infoOf(type?.kind === 'optional' ? type.element : type)];
};

const OptionalHasElement: InferRule = () => [{ dtype: 'bool', shape: [] }];

/** Shape rules of sequences, and of values that may be absent. */
export const sequence = {
  ConcatFromSequence,
  Optional,
  OptionalGetElement,
  OptionalHasElement,
  SequenceAt,
  SequenceConstruct,
  SequenceEmpty,
  SequenceErase,
  SequenceInsert,
  SequenceLength,
  SequenceMap,
  SplitToSequence,
} as const satisfies Record<string, InferRule>;
