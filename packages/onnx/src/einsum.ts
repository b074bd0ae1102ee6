import { OnnxError } from './errors.js';

/** An equation with one letter an axis: of every operand, and of the result. */
export interface Equation {
  readonly operands: readonly string[];
  readonly result: string;
}

const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'];
const TERM = /^[A-Za-z]*(\.\.\.[A-Za-z]*)?$/;

/**
 * Reads the equation of `Einsum` over operands of known ranks. `...` becomes letters that the equation does not use, aligned
 * on the right; without `->` the result has the axes of `...`, then the letters that come once, in order
 * (https://onnx.ai/onnx/operators/onnx__Einsum.html).
 */
export function readEquation(equation: string, ranks: readonly number[]): Equation {
  const fail = (expected: string): never => {
    throw new OnnxError(`Einsum '${equation}': expected ${expected}; operands have ranks ${ranks.join(', ')}`);
  };
  const [left = '', right, ...more] = equation.replaceAll(' ', '').split('->');
  const terms = left.split(',');
  if (more.length > 0 || ![...terms, right ?? ''].every((t) => TERM.test(t))) fail('letters, `...`, `,` and one `->`');
  if (right !== undefined && left.includes('...') !== right.includes('...'))
    fail('`...` on both sides of `->` or none');
  if (terms.length !== ranks.length) fail('one term an operand');
  const named = (term: string) => term.replace('...', '').length;
  const open = terms.map((t, i) => (t.includes('...') ? (ranks[i] as number) - named(t) : 0));
  terms.forEach((t, i) => {
    if (t.includes('...') ? (open[i] as number) < 0 : named(t) !== ranks[i]) fail(`'${t}' to name every axis`);
  });
  const width = Math.max(0, ...open);
  const free = LETTERS.filter((c) => !equation.includes(c)).slice(0, width);
  if (free.length < width) fail('at most 52 different axes');
  const spelled = (term: string, count: number) => term.replace('...', free.slice(width - count).join(''));
  const operands = terms.map((t, i) => spelled(t, open[i] as number));
  const all = terms.join('').replaceAll('...', '');
  const once = LETTERS.filter((c) => all.indexOf(c) >= 0 && all.indexOf(c) === all.lastIndexOf(c)).join('');
  const result = right === undefined ? free.join('') + once : spelled(right, width);
  const unknown = [...result].find((c) => !operands.some((t) => t.includes(c)));
  if (unknown) fail(`every letter of the result in an operand, not '${unknown}'`);
  if (new Set(result).size < result.length) fail('no letter twice in the result');
  return { operands, result };
}
