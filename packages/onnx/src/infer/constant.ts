import type { Attribute, Node, Value } from '../model.js';
import { float32, int64, sizeOf, type Tensor, tensor } from '../tensor.js';
import { type TypeInfo, tensorElements } from './rule.js';

/** The short spellings of `Constant`, as tensors. */
const spelled: Readonly<Record<string, (a: Attribute) => Tensor | undefined>> = {
  value: (a) => (a.type === 'tensor' ? a.value : undefined),
  value_float: (a) => (a.type === 'float' ? float32([a.value], []) : undefined),
  value_floats: (a) => (a.type === 'floats' ? float32(a.value) : undefined),
  value_int: (a) => (a.type === 'int' ? int64([a.value], []) : undefined),
  value_ints: (a) => (a.type === 'ints' ? int64(a.value) : undefined),
  value_string: (a) => (a.type === 'string' ? tensor('string', [], [a.value]) : undefined),
  value_strings: (a) => (a.type === 'strings' ? tensor('string', [a.value.length], [...a.value]) : undefined),
};

/** What a `Constant` node makes; undefined for a sparse one, or an empty node. */
export function constantTensor(node: Node): Tensor | undefined {
  for (const [name, read] of Object.entries(spelled)) {
    const attribute = node.attributes[name];
    if (attribute) return read(attribute);
  }
  return undefined;
}

/** The tensor a value always is: an initializer's, or a `Constant`'s. */
export function tensorOf(value: Value | undefined): Tensor | undefined {
  if (!value?.producer) return value?.tensor;
  const { opType, domain } = value.producer;
  return opType === 'Constant' && domain === '' ? constantTensor(value.producer) : undefined;
}

/** The known numbers of a constant of any type that JavaScript reads as numbers; long ones are left alone. */
export function numbersOf(value: Value | undefined): readonly number[] | undefined {
  const known = tensorOf(value);
  const isPlain =
    known && sizeOf(known.dims) <= 64 && !/^(float16|bfloat16|float[4-8]e|complex|string)/.test(known.dtype);
  return isPlain ? Array.from(known.data as ArrayLike<number | bigint>, Number) : undefined;
}

/** The known numbers of a constant of floats. */
export function floatsOf(value: Value | undefined): readonly number[] | undefined {
  const known = tensorOf(value);
  return known?.dtype === 'float32' || known?.dtype === 'float64'
    ? Array.from(known.data as Float32Array | Float64Array)
    : undefined;
}

/** Type of what a `Constant` node makes. */
export function constantInfo(node: Node): TypeInfo {
  const content = constantTensor(node);
  return { dtype: content?.dtype, shape: content?.dims, elements: content && tensorElements(content) };
}
