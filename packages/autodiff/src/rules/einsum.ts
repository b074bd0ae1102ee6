import { type GraphBuilder, readEquation, type Value } from '@neuroprune/onnx';
import { expandLike, shapeOf } from '../like.js';
import type { RuleContext, RuleTable } from '../rule.js';

/** `value`, whose axes `letters` names, with the axes of `target`; those it lacks have length 1. */
function spread(builder: GraphBuilder, value: Value, letters: string, target: string): Value {
  const missing = [...target].flatMap((c, i) => (letters.includes(c) ? [] : [i]));
  return missing.length === 0 ? value : builder.op.Unsqueeze(value, builder.ints(...missing));
}

/** True where the axes `i` and `j` of `x` have the same index. */
function onDiagonal(builder: GraphBuilder, x: Value, i: number, j: number): Value {
  const { op } = builder;
  const [zero, one] = [builder.scalar(0, 'int64'), builder.scalar(1, 'int64')];
  const length = op.Squeeze(op.Slice(shapeOf(builder, x), builder.ints(j), builder.ints(j + 1)), builder.ints(0));
  const along = (axis: number) => {
    const dims = Array.from({ length: x.rank }, (_, k) => (k === axis ? -1 : 1));
    return op.Reshape(op.Range(zero, length, one), builder.ints(...dims));
  };
  return op.Equal(along(i), along(j));
}

/** Letters of `term` with repetitions replaced by `?`, and for each of those the axis that has the letter first. */
function withoutRepeats(term: string): { readonly axes: string; readonly repeats: readonly [number, number][] } {
  const letters = [...term];
  const repeats = letters.flatMap((c, i): [number, number][] => (term.indexOf(c) < i ? [[i, term.indexOf(c)]] : []));
  return { axes: letters.map((c, i) => (term.indexOf(c) < i ? '?' : c)).join(''), repeats };
}

/**
 * The gradient of one operand: the product of the result's gradient with the other operands, kept along this one's axes.
 * Along an axis that nothing else has it is constant; off the diagonal of a letter that comes twice it is 0.
 */
function operandGradient(c: RuleContext<'Einsum'>, index: number): Value {
  const { builder, op, x, g, attrs } = c;
  const { operands, result } = readEquation(
    attrs.equation,
    x.map((v) => v.rank),
  );
  const others = x.filter((_, i) => i !== index);
  const terms = operands.filter((_, i) => i !== index);
  const { axes, repeats } = withoutRepeats(operands[index] as string);
  const known = [...axes].filter((l) => result.includes(l) || terms.some((t) => t.includes(l))).join('');
  const whole = result === '' ? terms : [result, ...terms];
  const values = result === '' ? others : [g, ...others];
  const product = values.length === 0 ? g : op.Einsum(values, { equation: `${whole.join()}->${known}` });
  const value = result === '' && values.length > 0 ? op.Mul(product, g) : product;
  const full = expandLike(builder, spread(builder, value, known, axes), x[index] as Value);
  return repeats.reduce((sum, [i, j]) => op.Where(onDiagonal(builder, x[index] as Value, i, j), sum, 0), full);
}

/** Sums of products named by letters. */
export const einsum: RuleTable<'Einsum'> = {
  Einsum: (c) => c.x.map((_, i) => operandGradient(c, i)),
};
