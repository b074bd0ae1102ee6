import type { Graph, Node, Value } from '@neuroprune/onnx';
import { AutodiffError } from './errors.js';
import { nonDifferentiable } from './rule.js';

/** Names the builder gives its own constants. */
const CONSTANT = /^const_\d+$/;

/** The initializers to train, by name: the named ones, or every float32 one with an axis that the loss depends on. */
export function trainedParameters(graph: Graph, loss: Value, names?: readonly string[]): Map<string, Value> {
  const byName = new Map(graph.initializers.map((v) => [v.name, v]));
  if (!names) {
    const needed = reached(loss);
    return new Map([...byName].filter(([, v]) => isParameter(v) && needed.has(v)));
  }
  return new Map(
    names.map((name) => {
      const value = byName.get(name);
      if (value?.dtype !== 'float32') throw new AutodiffError(`wrt: expected float32 initializers, got '${name}'`);
      return [name, value];
    }),
  );
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
    if (next.producer && isSmooth(next.producer)) pending.push(...next.producer.inputs);
  }
  return seen;
}

const isSmooth = ({ domain, opType }: Node): boolean => domain !== '' || !Object.hasOwn(nonDifferentiable, opType);
