import type { PrunableLayer } from '../layer.js';
import type { Block } from '../prunable-layer.js';
import type { UnitBlock } from './resting-units.js';

/** Adds what cut units give all the time to the bias of L_out: b += W_out[:, u] · unit(0). */
export async function foldUnits(
  layers: readonly PrunableLayer[],
  kept: readonly { readonly units: readonly number[] }[],
  resting: (blocks: readonly UnitBlock[]) => Promise<Float32Array[]>,
  blocks: readonly Block[],
): Promise<void> {
  const affected = layers.flatMap((layer, l) => {
    const stays = new Set(kept[l]!.units);
    const { contraction: m } = layer;
    const gone = Array.from({ length: m.cols }, (_, u) => u).filter((u) => !stays.has(u) && heard(layer, u));
    return gone.length > 0 && layer.biases.contraction ? [{ l, m, gone, bias: layer.biases.contraction }] : [];
  });
  const constants = await resting(affected.map(({ l }) => blocks[l] as UnitBlock));
  affected.forEach(({ m, gone, bias }, i) => {
    for (let r = 0; r < m.rows; r++)
      bias[r] = gone.reduce((sum, u) => sum + m.data[r * m.cols + u]! * constants[i]![u]!, bias[r]!);
  });
}

function heard({ contraction: { rows, cols, data } }: PrunableLayer, unit: number): boolean {
  for (let r = 0; r < rows; r++) if (data[r * cols + unit] !== 0) return true;
  return false;
}
