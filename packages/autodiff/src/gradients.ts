import { eliminateDeadCode, GraphBuilder, type Model, type Value } from '@neuroprune/onnx';
import { backward } from './backward.js';
import { AutodiffError } from './errors.js';
import { prepared } from './prepare.js';

/** What to differentiate, and with respect to what: names of values in the model. */
export interface GradientOptions {
  /**
   * A value, usually an output, several, or several with their weights: their (weighted) sum is differentiated, of one that
   * is no scalar the sum of its elements.
   */
  readonly of: string | readonly string[] | Readonly<Record<string, number>>;
  /** Inputs, initializers or values inside. */
  readonly wrt: readonly string[];
}

/** The model with an output `grad.<name>` for each of `wrt` beside its own outputs. */
export function gradients(model: Model, { of, wrt }: GradientOptions): Model {
  const copy = prepared(model, ({ name }) => wrt.includes(name));
  const find = finder(copy);
  const builder = new GraphBuilder(copy.graph);
  const results = backward(builder, weightedSum(builder, of, find), wrt.map(find));
  for (const [i, g] of results.entries()) builder.output(g, `grad.${wrt[i]}`);
  return eliminateDeadCode(copy).model;
}

/** One scalar from the values that an objective names, Σ weight·Σ elements; a single value is left as it is. */
export function weightedSum(builder: GraphBuilder, of: GradientOptions['of'], find: (name: string) => Value): Value {
  if (typeof of === 'string') return find(of);
  const weights = Object.entries(Array.isArray(of) ? Object.fromEntries(of.map((name) => [name, 1])) : of);
  const { op } = builder;
  const terms = weights.map(([name, weight]) => {
    const value = find(name);
    const sum = value.shape?.length === 0 ? value : op.ReduceSum(value, undefined, { keepdims: 0 });
    return weight === 1 ? sum : op.Mul(sum, weight as number);
  });
  const [first, ...rest] = terms;
  if (!first) throw new AutodiffError('objective: expected at least one value, got none');
  return rest.reduce((a, b) => op.Add(a, b), first);
}

/** Finds the model's values by name; throws when there is none. */
export function finder({ graph }: Model): (name: string) => Value {
  const all = [...graph.inputs, ...graph.initializers, ...graph.nodes.flatMap((n) => n.outputs)];
  const byName = new Map(all.map((v) => [v.name, v]));
  return (name) => {
    const value = byName.get(name);
    if (!value) throw new AutodiffError(`model '${graph.name}': expected a value '${name}', got none of that name`);
    return value;
  };
}
