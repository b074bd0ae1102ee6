import { cutSmallest } from './cut.js';
import { PruneError } from './errors.js';
import { countWeights, type Kind, kinds, type Matrix, matricesOf, type PrunableLayer } from './layer.js';
import { type ScoreOptions, scores } from './score.js';

/** Number of zeros that a sparsity asks of `total` weights: round(sparsity · total). */
export function zerosFor(sparsity: number, total: number): number {
  if (!(sparsity >= 0 && sparsity <= 1))
    throw new PruneError(`sparsity: expected a fraction from 0 to 1, got ${sparsity}; 0.7 means 70 % zeros`, 'input');
  return Math.round(sparsity * total);
}

/** Trims by magnitude over all matrices together to exactly round(target · n) zeros; more zeros stay as they are.
 * Returns the weights zeroed now. Gradual magnitude pruning is this step at each event. */
export function trim(matrices: readonly Matrix[], target: number): number {
  return cutSmallest(matrices, zerosFor(target, countWeights(matrices)));
}

/** One mask event of the threshold solver: cuts each kind over all layers to the target (one for all, or one a kind).
 * Returns the weights zeroed now, by kind. `buffer` is scratch space for the scores of the largest kind. */
export function cutByKind(
  layers: readonly PrunableLayer[],
  target: number | Readonly<Record<Kind, number>>,
  options: ScoreOptions = {},
  buffer?: Float32Array,
): Record<Kind, number> {
  const cut: Record<Kind, number> = { mlp: 0, qkv: 0, output: 0 };
  for (const kind of kinds) {
    const matrices = matricesOf(layers, kind);
    const count = zerosFor(typeof target === 'number' ? target : target[kind], countWeights(matrices));
    cut[kind] = cutSmallest(matrices, count, scores(layers, kind, options, buffer));
  }
  return cut;
}
