import { calledBy, functionsOf } from '../functions.js';
import { bypass } from './bypass.js';
import { eachGraph, type Pass, usedValues } from './pass.js';

/** Takes out `Dropout`, which changes nothing at inference. One whose mask is used stays. */
export const eliminateDropout: Pass = eachGraph((graph, root, model) => {
  const functions = functionsOf(model);
  const used = usedValues(root);
  return bypass(graph, root, (node) => {
    const mask = node.outputs[1];
    const isDropout = node.opType === 'Dropout' && node.domain === '' && !calledBy(node, functions);
    return isDropout && !(mask && used.has(mask));
  });
});
