import { bypass } from './bypass.js';
import { eachGraph, type Pass } from './pass.js';

/** Takes out `Identity`, except where a graph output needs one: over an input, an initializer or another output. */
export const eliminateIdentity: Pass = eachGraph((graph, root) =>
  bypass(graph, root, (node) => node.opType === 'Identity' && node.domain === ''),
);
