import { createHash } from 'node:crypto';
import type { PrunableGroups } from '@neuroprune/models';
import type { Tensor } from '@neuroprune/onnx';
import {
  type Block,
  blocksOf,
  countWeights,
  countZeros,
  type HeadRemoval,
  type LayerStructure,
  matricesOf,
  prunableLayers,
  structureOf,
} from '@neuroprune/prune';

/** What a trained model's prunable matrices look like. */
export interface Shape {
  readonly layers: readonly (LayerStructure & { readonly name: string })[];
  /** Share of exact zeros. */
  readonly sparsity: number;
  readonly heads: { readonly total: number; readonly kept: number };
  /** SHA-256 over which weights are zero: a bit a weight, matrix by matrix. */
  readonly masksHash: string;
}

/** Reads structure, zeros and masks off trained parameters. */
export function shapeOf(
  groups: readonly PrunableGroups[],
  tensors: ReadonlyMap<string, Tensor<'float32'>>,
  removals: readonly HeadRemoval[],
): Shape {
  const prunable = prunableLayers(groups, tensors);
  const matrices = matricesOf(prunable);
  const blocks = blocksOf(groups);
  const layers = structureOf(prunable, removals).map((row, i) => ({ ...row, name: nameOf(blocks[i]!) }));
  return {
    layers,
    sparsity: countZeros(matrices) / countWeights(matrices),
    heads: {
      total: prunable.reduce((sum, layer) => sum + layer.heads, 0),
      kept: layers.reduce((sum, layer) => sum + layer.heads, 0),
    },
    masksHash: hashMasks(matrices.map(({ data }) => data)),
  };
}

const nameOf = ({ layer, cross }: Block): string => (cross ? `${layer}, reading the encoder` : layer);

function hashMasks(matrices: readonly Float32Array[]): string {
  const hash = createHash('sha256');
  for (const data of matrices) {
    const bits = new Uint8Array(Math.ceil(data.length / 8));
    data.forEach((value, i) => {
      if (value !== 0) bits[i >> 3]! |= 1 << (i & 7);
    });
    hash.update(bits);
  }
  return hash.digest('hex');
}
