import { codeOf, type DType, type OpFunctions, type Value } from '@neuroprune/onnx';
import type { RuleTable } from '../rule.js';

/** True when the value's elements are real numbers. */
export const isFloat = (x: Value): x is Value & { readonly dtype: DType } =>
  x.dtype === 'float32' || x.dtype === 'float64' || x.dtype === 'float16' || x.dtype === 'bfloat16';

/** 1 where the condition holds, else 0, in the type of `like`. */
export const indicator = (op: OpFunctions, condition: Value, like: Value): Value =>
  op.Cast(condition, { to: codeOf(like.dtype ?? 'float32') });

/** `value` in the element type of `like`. */
export const likeElements = (op: OpFunctions, value: Value, like: Value): Value =>
  value.dtype === like.dtype || !like.dtype ? value : op.Cast(value, { to: codeOf(like.dtype) });

/** Gradients of an elementwise extremum: each element's goes to the operand that attains it, in equal shares among ties. */
function extremum(op: OpFunctions, xs: readonly Value[], y: Value, g: Value): Value[] {
  const hits = xs.map((x) => indicator(op, op.Equal(x, y), y));
  const share = op.Div(
    g,
    hits.reduce((a, b) => op.Add(a, b)),
  );
  return hits.map((hit) => op.Mul(share, hit));
}

/** Operators that pass on one of their operands. */
export const selection: RuleTable<'Clip' | 'Max' | 'Min' | 'Where'> = {
  // y = min(max(x, low), high): x's where it stands within both, ends included; for low > high everything is high.
  Clip: ({ op, x: [x, low, high], g }) => {
    const inside = [low && op.GreaterOrEqual(x, low), high && op.LessOrEqual(x, high)].filter((c) => c !== undefined);
    const isLow = low && (high ? op.And(op.Less(x, low), op.LessOrEqual(low, high)) : op.Less(x, low));
    const isHigh = high && (low ? op.Or(op.Greater(x, high), op.Greater(low, high)) : op.Greater(x, high));
    return [
      inside.reduce((sum, c) => op.Where(c, sum, 0), g),
      isLow && op.Where(isLow, g, 0),
      isHigh && op.Where(isHigh, g, 0),
    ];
  },
  Max: ({ op, x, y, g }) => extremum(op, x, y, g),
  Min: ({ op, x, y, g }) => extremum(op, x, y, g),
  Where: ({ op, x: [condition], g }) => [null, op.Where(condition, g, 0), op.Where(condition, 0, g)],
};
