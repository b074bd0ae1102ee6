import type { Graph, Node, Value } from '@neuroprune/onnx';
import { captured } from './captured.js';
import { AutodiffError } from './errors.js';
import { nonDifferentiable } from './lists.js';

/** Names the builder gives its own constants. */
const CONSTANT = /^const_\d+$/;

/** Names of what may be trained: the named initializers, or every float32 one with an axis, constants of the builder apart. */
export function candidatesOf({ initializers }: Graph, names?: readonly string[]): readonly string[] {
  const known = new Map(initializers.map((v) => [v.name, v.dtype]));
  const wrong = names?.find((name) => known.get(name) !== 'float32');
  if (wrong !== undefined) throw new AutodiffError(`wrt: expected float32 initializers, got '${wrong}'`);
  return names ?? initializers.filter(isParameter).map((v) => v.name);
}

/** The initializers to train, by name: all candidates, or those that the loss depends on. */
export function trainedParameters(
  graph: Graph,
  loss: Value,
  candidates: readonly string[],
  all: boolean,
): Map<string, Value> {
  const byName = new Map(graph.initializers.map((v) => [v.name, v]));
  const needed = reached(loss);
  const values = candidates.map((name) => byName.get(name)).filter((v) => v !== undefined);
  return new Map(values.filter((v) => all || needed.has(v)).map((v) => [v.name, v]));
}

const isParameter = ({ name, dtype, shape }: Value): boolean =>
  dtype === 'float32' && shape !== undefined && shape.length > 0 && !CONSTANT.test(name);

/** Everything the value depends on differentiably. */
function reached(value: Value): Set<Value> {
  const seen = new Set<Value>();
  const pending: (Value | undefined)[] = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (!next || seen.has(next)) continue;
    seen.add(next);
    if (next.producer && isSmooth(next.producer)) pending.push(...next.producer.inputs, ...captured(next.producer));
  }
  return seen;
}

const isSmooth = ({ domain, opType }: Node): boolean => domain !== '' || !Object.hasOwn(nonDifferentiable, opType);
