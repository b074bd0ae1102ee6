import { bypass } from './bypass.js';
import { eachGraph, type Pass, usedValues } from './pass.js';

/** Takes out `Dropout`, which changes nothing at inference. One whose mask is used stays. */
export const eliminateDropout: Pass = eachGraph((graph, root) => {
  const used = usedValues(root);
  return bypass(graph, root, (node) => {
    const mask = node.outputs[1];
    return node.opType === 'Dropout' && node.domain === '' && !(mask && used.has(mask));
  });
});
