import type { Node } from '../model.js';
import type { InferRule, TypeInfo } from './rule.js';

/** Rate and count of steps come before the tensors of an optimizer. */
const LEADING = 2;

/**
 * An optimizer's inputs are `lists` lists of one length: tensors, gradients, then states. Its outputs are the new
 * tensors and the new states, each of the type of the old one.
 */
const optimizer =
  (lists: number): InferRule =>
  ({ inputs }: Node): TypeInfo[] => {
    const tensors = inputs.slice(LEADING);
    const length = Math.floor(tensors.length / lists);
    const kept = [...tensors.slice(0, length), ...tensors.slice(2 * length, lists * length)];
    return kept.map((v) => ({ dtype: v?.dtype, shape: v?.shape }));
  };

/** The inputs named in `xs` come first, and each gets a gradient like itself. */
const Gradient: InferRule = ({ inputs, attributes: { xs } }) =>
  inputs.slice(0, xs?.type === 'strings' ? xs.value.length : 0).map((v) => ({ dtype: v?.dtype, shape: v?.shape }));

/** Shape rules of `ai.onnx.preview.training`. */
export const training = {
  Adagrad: optimizer(3),
  Adam: optimizer(4),
  Gradient,
  Momentum: optimizer(3),
} as const satisfies Record<string, InferRule>;
