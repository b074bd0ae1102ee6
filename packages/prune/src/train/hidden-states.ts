import type { PrunableGroups } from '@neuroprune/models';
import type { Model } from '@neuroprune/onnx';
import { PruneError } from '../errors.js';

/**
 * Names of the values [batch·sequence, width] that the layers of a forward graph end with, layer by layer: what the last
 * node of a layer that reads a parameter of its own makes, which is the layer's output where it ends with a norm.
 */
export function hiddenStates({ graph }: Model, groups: readonly PrunableGroups[]): string[] {
  return groups.map(({ layer }) => {
    const node = graph.nodes.findLast(({ inputs }) => inputs.some((v) => v?.tensor && v.name.startsWith(`${layer}.`)));
    const name = node?.outputs[0]?.name;
    if (name === undefined) throw new PruneError(`internal: ${layer}: expected among the nodes, got none`);
    return name;
  });
}
