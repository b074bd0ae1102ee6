/**
 * How operators changed from set 11 to 23 (https://github.com/onnx/onnx/blob/main/docs/Changelog.md). Operators that only
 * gained element types, optional inputs, outputs or attributes whose default is the former meaning are not listed.
 */
import { codeOf } from '../../builder.js';
import type { Attribute, Node, Value } from '../../model.js';
import { float32 } from '../../tensor.js';
import { remade } from '../rewrite.js';
import { attributeOf, attributesWithout, hasOutput, type LiftContext, type LiftRule, refuse } from './rule.js';

/** A change: nodes written before `version` (of sets 11 on) mean something else than they would from then on. */
export interface Change {
  readonly before: number;
  readonly rewrite: LiftRule;
}

const text = (value: string): Attribute => ({ type: 'string', value });
const int = (value: number): Attribute => ({ type: 'int', value });

/** A list of integers moves from an attribute to the input at an index. */
const asInput =
  (name: string, index: number): LiftRule =>
  (node, { builder }) => {
    const given = Object.hasOwn(node.attributes, name) ? node.attributes[name] : undefined;
    if (!given) return undefined;
    const inputs = Array.from({ length: index }, (_, i) => node.inputs[i]);
    // In a function, the list may be one that the call gives.
    const list =
      given.type === 'reference'
        ? builder.node('Constant', [], { value_ints: given }, 1)[0]
        : builder.ints(...(attributeOf(node, name, 'ints') ?? []));
    return remade(builder, node, [...inputs, list], attributesWithout(node, [name]));
  };

/** Before 13 all axes from `axis` on (1 by default) count as one. */
const flattened: LiftRule = (node, { builder }) => {
  const [x] = node.inputs;
  if (!x) return undefined;
  const { op } = builder;
  const axis = attributeOf(node, 'axis', 'int') ?? 1;
  const last = { axis: int(-1) };
  if (axis === -1 || axis + 1 === x.shape?.length) return remade(builder, node, [x], last);
  const [rows] = remade(builder, node, [op.Flatten(x, { axis })], last);
  return [op.Reshape(rows as Value, op.Shape(x))];
};

/** From 18 on an even split says how many parts it makes. */
function evenSplit(node: Node, { builder }: LiftContext): Value[] | undefined {
  if (node.inputs[1] || node.attributes.num_outputs) return undefined;
  return remade(builder, node, node.inputs, { ...node.attributes, num_outputs: int(node.outputs.length) });
}

/** In training, set 9 hands out the batch's own statistics too, which set 14 does not. */
function batchNormalization(node: Node, { builder, opset }: LiftContext): Value[] | undefined {
  if (![1, 2, 3, 4].some((i) => hasOutput(node, i))) return undefined;
  if (hasOutput(node, 3) || hasOutput(node, 4)) {
    refuse(node, opset, 'expected no use of saved_mean and saved_var, got one');
  }
  const attributes = { ...node.attributes, training_mode: int(1) };
  return builder.node(node.opType, [...node.inputs], attributes, 3);
}

/** Set 13 has no empty tensors for what is not given, and no `tf_half_pixel_for_nn`. */
function resize(node: Node, { builder, opset }: LiftContext): Value[] | undefined {
  if (attributeOf(node, 'coordinate_transformation_mode', 'string') === 'tf_half_pixel_for_nn') {
    refuse(node, opset, "expected another coordinate_transformation_mode, got 'tf_half_pixel_for_nn'");
  }
  const isEmpty = (v: Value | undefined) => v?.shape?.length === 1 && v.shape[0] === 0;
  const [x, roi, scales, sizes] = node.inputs;
  return remade(builder, node, [x, isEmpty(roi) ? undefined : roi, isEmpty(scales) ? undefined : scales, sizes]);
}

/** Set 11 has no `Clip` of integers; torch writes it all the same, with bounds that are floats. */
function clip(node: Node, { builder }: LiftContext): Value[] | undefined {
  const [x, ...bounds] = node.inputs;
  const dtype = x?.dtype;
  if (!dtype || bounds.every((bound) => !bound || bound.dtype === dtype)) return undefined;
  return remade(builder, node, [x, ...bounds.map((bound) => bound && builder.op.Cast(bound, { to: codeOf(dtype) }))]);
}

/** Scale and bias were given a group, and are given a channel from 21 on. */
function groupNormalization(node: Node, { builder, opset }: LiftContext): Value[] {
  const { op } = builder;
  const [x, ...given] = node.inputs;
  const groups = attributeOf(node, 'num_groups', 'int');
  if (!x || !groups) return refuse(node, opset, 'expected an input and num_groups, got none');
  const each = op.Div(op.Shape(x, { start: 1, end: 2 }), builder.ints(groups));
  const shape = op.Concat([builder.ints(groups), each], { axis: 0 });
  const perChannel = given.map(
    (v) => v && op.Reshape(op.Expand(op.Unsqueeze(v, builder.ints(1)), shape), builder.ints(-1)),
  );
  return remade(builder, node, [x, ...perChannel]);
}

const renamedModes: Readonly<Record<string, string>> = { bilinear: 'linear', bicubic: 'cubic' };

/** Operators that were taken out of the set before 11, and what they became; files of set 11 name them still. */
const upsample: LiftRule = (node, { builder }) => {
  const mode = attributeOf(node, 'mode', 'string') ?? 'nearest';
  const attributes = {
    mode: text(mode),
    coordinate_transformation_mode: text('asymmetric'),
    nearest_mode: text('floor'),
  };
  return remade(builder, node, [node.inputs[0], undefined, node.inputs[1]], attributes, 'Resize');
};

const axesBefore18: readonly Change[] = [{ before: 18, rewrite: asInput('axes', 1) }];

/** Operator → its changes, in order. */
export const upward: Readonly<Record<string, readonly Change[]>> = {
  BatchNormalization: [{ before: 14, rewrite: batchNormalization }],
  Clip: [{ before: 12, rewrite: clip }],
  DFT: [
    {
      before: 20,
      rewrite: (node, { builder }) => {
        const axis = builder.scalar(attributeOf(node, 'axis', 'int') ?? 1, 'int64');
        return remade(builder, node, [node.inputs[0], node.inputs[1], axis], attributesWithout(node, ['axis']));
      },
    },
  ],
  Dropout: [
    {
      before: 12,
      rewrite: (node, { builder }) => {
        const ratio = builder.constant(float32([attributeOf(node, 'ratio', 'float') ?? 0.5], []));
        return remade(builder, node, [node.inputs[0], ratio], attributesWithout(node, ['ratio']));
      },
    },
  ],
  GridSample: [
    {
      before: 20,
      rewrite: (node, { builder }) => {
        const mode = attributeOf(node, 'mode', 'string') ?? 'bilinear';
        return remade(builder, node, node.inputs, { ...node.attributes, mode: text(renamedModes[mode] ?? mode) });
      },
    },
  ],
  GroupNormalization: [{ before: 21, rewrite: groupNormalization }],
  Hardmax: [{ before: 13, rewrite: flattened }],
  LogSoftmax: [{ before: 13, rewrite: flattened }],
  ReduceL1: axesBefore18,
  ReduceL2: axesBefore18,
  ReduceLogSum: axesBefore18,
  ReduceLogSumExp: axesBefore18,
  ReduceMax: axesBefore18,
  ReduceMean: axesBefore18,
  ReduceMin: axesBefore18,
  ReduceProd: axesBefore18,
  ReduceSum: [{ before: 13, rewrite: asInput('axes', 1) }],
  ReduceSumSquare: axesBefore18,
  Resize: [{ before: 13, rewrite: resize }],
  RoiAlign: [
    {
      before: 16,
      rewrite: (node, { builder }) =>
        remade(builder, node, node.inputs, {
          ...node.attributes,
          coordinate_transformation_mode: text('output_half_pixel'),
        }),
    },
  ],
  Scatter: [
    {
      before: 12,
      rewrite: (node, { builder }) => remade(builder, node, node.inputs, node.attributes, 'ScatterElements'),
    },
  ],
  Softmax: [{ before: 13, rewrite: flattened }],
  Split: [
    { before: 13, rewrite: (node, context) => asInput('split', 1)(node, context) ?? evenSplit(node, context) },
    { before: 18, rewrite: evenSplit },
  ],
  Squeeze: [{ before: 13, rewrite: asInput('axes', 1) }],
  Unsqueeze: [{ before: 13, rewrite: asInput('axes', 1) }],
  Upsample: [{ before: 12, rewrite: upsample }],
};
