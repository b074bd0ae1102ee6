import { inOrder } from '../order.js';
import { eachGraph, type Pass } from './pass.js';

/** Brings nodes into an order in which every value is made before it is read, changing as little as possible. */
export const sortNodes: Pass = eachGraph((graph) => {
  const nodes = inOrder(graph);
  const modified = nodes.some((n, i) => n !== graph.nodes[i]);
  graph.nodes = nodes;
  return modified;
});
