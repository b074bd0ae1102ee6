/** Which parameters an option means. */
import { demand } from './errors.js';

/** A name in which `*` stands for any run of characters (dots too) and `?` for one, or an expression that finds something in it. */
export type Pattern = string | RegExp;

/** Parameters by pattern, or by a question asked of each. */
export type Selection = Pattern | readonly Pattern[] | ((name: string, dims: readonly number[]) => boolean);

const globs: Readonly<Record<string, string>> = { '*': '.*', '?': '.' };

/** A pattern as a test of a name. */
export function matcher(pattern: Pattern): (name: string) => boolean {
  if (pattern instanceof RegExp) {
    const own = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')); // those two remember the last match
    return (name) => own.test(name);
  }
  const source = pattern.replace(/[.*+?^${}()|[\]\\]/g, (c) => globs[c] ?? `\\${c}`);
  const whole = new RegExp(`^${source}$`, 's');
  return (name) => whole.test(name);
}

/** A selection as a test; throws where a pattern of the option means none of `names`. */
export function selector(
  option: string,
  selection: Selection,
  names: readonly string[],
): (name: string, dims: readonly number[]) => boolean {
  if (typeof selection === 'function') return selection;
  const patterns = typeof selection === 'string' || selection instanceof RegExp ? [selection] : selection;
  const tests = patterns.map((pattern) => {
    const test = matcher(pattern);
    demand(names.some(test), option, 'to match a parameter', `'${pattern}'`);
    return test;
  });
  return (name) => tests.some((test) => test(name));
}

/** Biases and norms by name, as transformers 4.57 leaves them out of weight decay (`Trainer.get_decay_parameter_names`). */
const SPARED = /bias|layernorm|rmsnorm|(?:^|\.)norm(?:$|\.)|_norm(?:$|\.)/i;

/** True for what does not decay by default: norms and biases, by their names or by having fewer than two axes. */
export const isSpared = (name: string, dims: readonly number[]): boolean => dims.length < 2 || SPARED.test(name);

/** Factors of the learning rate: by pattern, the first that matches (1 where none does), or a number for each. */
export type Rates = Readonly<Record<string, number>> | ((name: string, dims: readonly number[]) => number);

/** Rates as a function; throws on patterns that mean none of `names` and on factors below 0. */
export function rateFactor(rates: Rates, names: readonly string[]): (name: string, dims: readonly number[]) => number {
  const entries =
    typeof rates === 'function'
      ? []
      : Object.entries(rates).map(([pattern, factor]) => ({ test: selector('rates', pattern, names), factor }));
  const of =
    typeof rates === 'function'
      ? rates
      : (name: string, dims: readonly number[]) => entries.find(({ test }) => test(name, dims))?.factor ?? 1;
  return (name, dims) => {
    const factor = of(name, dims);
    demand(factor >= 0 && Number.isFinite(factor), 'rates', 'a factor from 0', `${factor} for '${name}'`);
    return factor;
  };
}
