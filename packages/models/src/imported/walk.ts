import type { Graph, Node, Value } from '@neuroprune/onnx';
import type { Linear } from './linear.js';

/** Operands that are numbers to compute with, not sizes or conditions. */
export const floats = (node: Node | undefined): Value[] =>
  (node?.inputs ?? []).filter((v): v is Value => v?.dtype === 'float32');

/** The layers that a value is computed from, without going through another layer. */
export function sourcesOf(value: Value, layers: ReadonlyMap<Value, Linear>): Linear[] {
  const seen = new Set<Value>();
  const found = new Set<Linear>();
  const pending = [value];
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    const layer = layers.get(next);
    if (layer) found.add(layer);
    else if (next.producer) pending.push(...floats(next.producer));
  }
  return [...found];
}

/** Nodes of an operator that a value is computed from, found without going through another one of `through`'s complement. */
export function nearest(value: Value, isWanted: (node: Node) => boolean, isPassed: (node: Node) => boolean): Node[] {
  const seen = new Set<Value>();
  const found = new Set<Node>();
  const pending = [value];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const node = next.producer;
    if (seen.has(next) || !node) continue;
    seen.add(next);
    if (isWanted(node)) found.add(node);
    else if (isPassed(node)) pending.push(...floats(node));
  }
  return [...found];
}

/** Nodes that read a value, or what some kinds of nodes make of it. */
export function nextNodes(
  value: Value,
  readers: ReadonlyMap<Value, readonly Node[]>,
  isWanted: (node: Node, value: Value) => boolean,
  isPassed: (node: Node) => boolean,
): Node[] {
  const seen = new Set<Value>();
  const found = new Set<Node>();
  const pending = [value];
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    for (const node of readers.get(next) ?? []) {
      if (isWanted(node, next)) found.add(node);
      else if (isPassed(node)) pending.push(...node.outputs);
    }
  }
  return [...found];
}

/** Values that change with what goes into a graph; all others follow from its initializers. */
export function fedValues({ inputs, nodes }: Graph): ReadonlySet<Value> {
  const fed = new Set(inputs);
  for (const node of nodes) if (node.inputs.some((v) => v && fed.has(v))) for (const y of node.outputs) fed.add(y);
  return fed;
}
