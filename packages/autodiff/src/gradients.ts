import { eliminateDeadCode, GraphBuilder, type Model, type Value } from '@neuroprune/onnx';
import { backward } from './backward.js';
import { AutodiffError } from './errors.js';
import { prepared } from './prepare.js';

/** What to differentiate, and with respect to what: names of values in the model. */
export interface GradientOptions {
  /** A value, usually an output; of one that is no scalar, the sum of its elements is differentiated. */
  readonly of: string;
  /** Inputs, initializers or values inside. */
  readonly wrt: readonly string[];
}

/** The model with an output `grad.<name>` for each of `wrt` beside its own outputs. */
export function gradients(model: Model, { of, wrt }: GradientOptions): Model {
  const copy = prepared(model, ({ name }) => wrt.includes(name));
  const find = finder(copy);
  const builder = new GraphBuilder(copy.graph);
  const results = backward(builder, find(of), wrt.map(find));
  for (const [i, g] of results.entries()) builder.output(g, `grad.${wrt[i]}`);
  return eliminateDeadCode(copy).model;
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
