import type { PrunableGroups } from '@neuroprune/models';
import type { Model } from '@neuroprune/onnx';

/**
 * Factors of the learning rate that fall from layer to layer: `decay` to the power of a parameter's distance from the
 * head (Clark et al. 2020, §3.2). Depth 0 are the embeddings, then the layers in order, then the head with all that comes
 * after the last layer.
 */
export function layerRates(model: Model, groups: readonly PrunableGroups[], decay: number): (name: string) => number {
  const depthOf = depths(model, groups);
  return (name) => decay ** (groups.length + 1 - depthOf(name));
}

function depths({ graph }: Model, groups: readonly PrunableGroups[]): (name: string) => number {
  const layerOf = (name: string) => groups.findIndex(({ layer }) => name.startsWith(`${layer}.`));
  const names = graph.initializers.map((v) => v.name);
  const firstOfLayers = names.findIndex((name) => layerOf(name) >= 0);
  const early = new Set(names.slice(0, Math.max(0, firstOfLayers)));
  return (name) => {
    const layer = layerOf(name);
    if (layer >= 0) return layer + 1;
    return early.has(name) || /embed/i.test(name) ? 0 : groups.length + 1;
  };
}
