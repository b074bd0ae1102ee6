import { OnnxError } from '../errors.js';
import type { Graph, Node } from '../model.js';
import { eachGraph, type Pass, reads } from './pass.js';

interface Visit {
  readonly node: Node;
  readonly needs: readonly Node[];
  at: number;
}

/** Execution order by depth-first search with a stack of its own: chains may be longer than the call stack. */
function ordered(graph: Graph): Node[] {
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

/** Brings nodes into an order in which every value is made before it is read, changing as little as possible. */
export const sortNodes: Pass = eachGraph((graph) => {
  const nodes = ordered(graph);
  const modified = nodes.some((n, i) => n !== graph.nodes[i]);
  graph.nodes = nodes;
  return modified;
});
