import { codeOf, type DType, type OpFunctions, type Value } from '@neuroprune/onnx';
import type { RuleTable } from '../rule.js';

/** True when the value's elements are real numbers. */
export const isFloat = (x: Value): x is Value & { readonly dtype: DType } =>
  x.dtype === 'float32' || x.dtype === 'float64' || x.dtype === 'float16' || x.dtype === 'bfloat16';

/** 1 where the condition holds, else 0, in the type of `like`. */
export const indicator = (op: OpFunctions, condition: Value, like: Value): Value =>
  op.Cast(condition, { to: codeOf(like.dtype ?? 'float32') });

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
  Clip: ({ op, x: [x, min, max], y, g }) => [
    op.Where(op.Equal(x, y), g, 0),
    min && op.Where(op.Less(x, min), g, 0),
    max && op.Where(op.Greater(x, max), g, 0),
  ],
  Max: ({ op, x, y, g }) => extremum(op, x, y, g),
  Min: ({ op, x, y, g }) => extremum(op, x, y, g),
  Where: ({ op, x: [condition], g }) => [null, op.Where(condition, g, 0), op.Where(condition, 0, g)],
};
