import {
  type HeadGroup,
  type LinearNames,
  type NeuronGroup,
  type PrunableGroups,
  prunableWeights,
} from '@neuroprune/models';
import { PruneError } from './errors.js';
import type { Matrix, PrunableLayer } from './layer.js';
import { biasOf, find, matrixOf, storeMatrix, type Weights } from './linear.js';

export type { Weights } from './linear.js';

/** Names of the prunable matrices of all layers. */
export const prunableNames = (groups: readonly PrunableGroups[]): string[] => groups.flatMap(prunableWeights);

/** One attention and the hidden units that follow it; the attention that reads an encoder is a block without units. */
export interface Block {
  readonly layer: string;
  readonly heads: HeadGroup;
  readonly neurons?: NeuronGroup;
  /** Keys and values are made of the encoder's rows. */
  readonly cross: boolean;
}

/** The blocks of each layer in the order of `prunableLayers`: its own attention with its hidden units, then the one that reads an encoder. */
export const blocksOf = (groups: readonly PrunableGroups[]): Block[] =>
  groups.flatMap(({ layer, heads, neurons, crossHeads }) => [
    { layer, heads, neurons, cross: false },
    ...(crossHeads ? [{ layer, heads: crossHeads, cross: true }] : []),
  ]);

/**
 * The prunable blocks of all layers, [out, in] each, over the same arrays; only matrices that are stored [in, out] are copies,
 * which `storeLayers` writes back. A layer that reads an encoder is two blocks. Shapes follow from the groups' counts.
 */
export const prunableLayers = (groups: readonly PrunableGroups[], weights: Weights): PrunableLayer[] =>
  blocksOf(groups).map((block) => prunableLayer(block, weights));

/** Writes what was changed in blocks to where the parameters are stored, where they are copies. */
export function storeLayers(
  groups: readonly PrunableGroups[],
  weights: Weights,
  layers: readonly PrunableLayer[],
): void {
  for (const [i, { heads: h, neurons: n }] of blocksOf(groups).entries()) {
    const layer = layers[i]!;
    for (const part of ['query', 'key', 'value', 'output'] as const) storeMatrix(weights, h[part], layer[part]);
    if (!n) continue;
    for (const [j, names] of n.out.entries()) storeMatrix(weights, names, layer.intermediate[j]!);
    storeMatrix(weights, contractionOf(n), layer.contraction);
  }
}

function prunableLayer({ heads: h, neurons, cross }: Block, weights: Weights): PrunableLayer {
  const bias = (names: LinearNames) => biasOf(weights, names);
  const { queries = 1, biasTable } = h;
  const keys = { rows: h.count * h.size };
  const width = queries * h.count * h.size;
  const positions = biasTable === undefined ? undefined : find(weights, biasTable);
  const { units, biases } = neuronsOf(neurons, weights);
  return {
    query: matrixOf(weights, h.query, { rows: width }),
    key: matrixOf(weights, h.key, keys),
    value: matrixOf(weights, h.value, keys),
    output: matrixOf(weights, h.output, { cols: width }),
    ...units,
    biases: { query: bias(h.query), key: bias(h.key), value: bias(h.value), output: bias(h.output), ...biases },
    heads: h.count,
    ...(positions && { positions }),
    ...(cross && { cross }),
  };
}

/** A block without hidden units has a matrix of none. */
const none: Matrix = { name: '', rows: 0, cols: 0, data: new Float32Array(0) };

function neuronsOf(n: NeuronGroup | undefined, weights: Weights) {
  if (!n) return { units: { intermediate: [], contraction: none }, biases: {} };
  const contraction = contractionOf(n);
  return {
    units: {
      intermediate: n.out.map((names) => matrixOf(weights, names, { rows: n.count })),
      contraction: matrixOf(weights, contraction, { cols: n.count }),
    },
    biases: {
      intermediate: n.out.map((names) => biasOf(weights, names)),
      contraction: biasOf(weights, contraction),
    },
  };
}

function contractionOf(n: NeuronGroup): LinearNames {
  const [contraction, ...others] = n.in;
  if (contraction && others.length === 0) return contraction;
  throw new PruneError(`internal: expected one matrix that reads the hidden units, got ${n.in.length}`);
}
