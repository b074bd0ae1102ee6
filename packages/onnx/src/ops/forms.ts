/**
 * How the operators' operands and attributes came about from set 11 to 25, the newest of which is the table `ops`
 * (https://github.com/onnx/onnx/blob/main/docs/Changelog.md).
 */
import { type OpSpec, type OpType, ops } from '../ops.js';

/** The sets whose operators the table can tell. */
export const KNOWN_SETS = { from: 11, to: 25 } as const;

/** Sets from 12 on that brought an operator; those above the builder's set stand in the table. */
const brought: Readonly<Record<number, readonly OpType[]>> = {
  12: ['Celu', 'Einsum', 'GreaterOrEqual', 'LessOrEqual', 'NegativeLogLikelihoodLoss', 'SoftmaxCrossEntropyLoss'],
  14: ['HardSwish', 'Trilu'],
  15: ['Bernoulli', 'CastLike', 'Optional', 'OptionalGetElement', 'OptionalHasElement'],
  16: ['GridSample'],
  17: [
    ...(['BlackmanWindow', 'DFT', 'HammingWindow', 'HannWindow', 'LayerNormalization', 'MelWeightMatrix'] as const),
    ...(['STFT', 'SequenceMap'] as const),
  ],
  18: [
    ...(['BitwiseAnd', 'BitwiseNot', 'BitwiseOr', 'BitwiseXor', 'CenterCropPad', 'Col2Im'] as const),
    ...(['GroupNormalization', 'Mish'] as const),
  ],
  19: ['DeformConv'],
  20: ['AffineGrid', 'Gelu', 'ImageDecoder', 'RegexFullMatch', 'StringConcat', 'StringSplit'],
};

/** Sets from which on an operator is like the table, and before which it had other operands or attributes. */
const reshaped: Readonly<Record<number, readonly OpType[]>> = {
  12: ['Dropout'],
  13: ['ReduceSum', 'Resize', 'Split', 'Squeeze', 'Unsqueeze'],
  18: [
    ...(['OptionalHasElement', 'ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp', 'ReduceMax'] as const),
    ...(['ReduceMean', 'ReduceMin', 'ReduceProd', 'ReduceSumSquare'] as const),
  ],
  20: ['DFT'],
};

/** Attributes and optional operands (by their name in the table) that a later set added. */
const added: { readonly [K in OpType]?: Readonly<Record<string, number>> } = {
  ArgMax: { select_last_index: 12 },
  ArgMin: { select_last_index: 12 },
  Attention: { nonPaddedLengths: 24 },
  AveragePool: { dilations: 19 },
  BatchNormalization: { training_mode: 14 },
  Cast: { saturate: 19, round_mode: 24 },
  CastLike: { saturate: 19, round_mode: 24 },
  Constant: {
    ...{ value_float: 12, value_floats: 12, value_int: 12, value_ints: 12, value_string: 12, value_strings: 12 },
  },
  DequantizeLinear: { axis: 13, block_size: 21, output_dtype: 23 },
  GRU: { layout: 14 },
  GatherND: { batch_dims: 12 },
  GroupNormalization: { stash_type: 21 },
  LSTM: { layout: 14 },
  LpPool: { ceil_mode: 18, dilations: 18 },
  Pad: { axes: 18 },
  QuantizeLinear: { axis: 13, saturate: 19, block_size: 21, output_dtype: 21, precision: 23 },
  RNN: { layout: 14 },
  Reshape: { allowzero: 14 },
  Resize: { antialias: 18, axes: 18, keep_aspect_ratio_policy: 18 },
  RoiAlign: { coordinate_transformation_mode: 16 },
  ScatterElements: { reduction: 16 },
  ScatterND: { reduction: 16 },
  Shape: { end: 15, start: 15 },
  Split: { num_outputs: 18 },
};

const byOperator = (sets: Readonly<Record<number, readonly OpType[]>>): ReadonlyMap<string, number> =>
  new Map(Object.entries(sets).flatMap(([set, types]) => types.map((type) => [type, Number(set)] as const)));

const broughtBy = byOperator(brought);
const reshapedBy = byOperator(reshaped);

/** The first set (of 11 on) that has the operator. */
export function firstSet(type: OpType): number {
  const { since }: OpSpec = ops[type];
  return since ?? broughtBy.get(type) ?? KNOWN_SETS.from;
}

/**
 * Operands and attributes of an operator in a set of 11 to 25 that has it; undefined where they were arranged otherwise
 * then, and in other sets.
 */
export function formIn(type: OpType, set: number): OpSpec | undefined {
  if (set < (reshapedBy.get(type) ?? KNOWN_SETS.from) || set > KNOWN_SETS.to) return undefined;
  const spec: OpSpec = ops[type];
  const later = added[type];
  if (!later) return spec;
  const isThere = (name: string) => (Object.hasOwn(later, name) ? (later[name] ?? 0) <= set : true);
  return {
    ...spec,
    in: spec.in.filter((name) => isThere(name.replace('?', ''))),
    attrs: Object.fromEntries(Object.entries(spec.attrs ?? {}).filter(([name]) => isThere(name))),
  };
}
