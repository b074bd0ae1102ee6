import { OnnxError } from './errors.js';
import { type Graph, type Node, subgraphs, type Value } from './model.js';

/** Everything a node reads: its operands, and what its subgraphs take from outside. */
export function reads(node: Node): Value[] {
  const inner = subgraphs(node).flatMap((g) => [...g.outputs, ...g.nodes.flatMap(reads)]);
  return [...node.inputs.filter((v): v is Value => v !== undefined), ...inner];
}

interface Visit {
  readonly node: Node;
  readonly needs: readonly Node[];
  at: number;
}

/**
 * The nodes of a graph in execution order, changed as little as possible; throws on a cycle. Depth-first search with a
 * stack of its own: chains may be longer than the call stack.
 */
export function inOrder(graph: Graph): Node[] {
  const own = new Set(graph.nodes);
  const open = new Set<Node>();
  const done = new Set<Node>();
  const visit = (node: Node): Visit => ({ node, needs: producers(node, own), at: 0 });
  for (const root of graph.nodes) {
    const stack = done.has(root) ? [] : [visit(root)];
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      open.add(top.node);
      const next = top.needs[top.at++];
      if (!next) {
        done.add(top.node);
        stack.pop();
      } else if (!done.has(next)) {
        if (open.has(next)) throw new OnnxError(`graph '${graph.name}': expected no cycle, got one at ${next.opType}`);
        stack.push(visit(next));
      }
    }
  }
  return [...done];
}

const producers = (node: Node, own: ReadonlySet<Node>): Node[] =>
  reads(node).flatMap(({ producer }) => (producer && own.has(producer) ? [producer] : []));
