import { calledBy, functionsOf } from '../functions.js';
import { bypass } from './bypass.js';
import { eachGraph, type Pass } from './pass.js';

/** Takes out `Identity`, except where a graph output needs one: over an input, an initializer or another output. */
export const eliminateIdentity: Pass = eachGraph((graph, root, model) => {
  const functions = functionsOf(model);
  return bypass(graph, root, (n) => n.opType === 'Identity' && n.domain === '' && !calledBy(n, functions));
});
