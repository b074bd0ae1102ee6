import { ModelsError } from './errors.js';

/** What one layer has left of its architecture; a compacted layer has fewer heads and hidden units than the configuration says. */
export interface LayerStructure {
  /** Attention heads, those of keys where several query heads share one; with 0 the attention block is its output bias alone. */
  readonly heads: number;
  /** Hidden units of the feed-forward part; with 0 it is its output bias alone. */
  readonly hiddenUnits: number;
  /** Heads that read the encoder, in a decoder's layer that does. */
  readonly crossHeads?: number;
  /** Which of the uncut heads are left; needed where heads share a table of position biases, all when absent. */
  readonly keptHeads?: readonly number[];
  /** Input dimensions that query, key and value (`attention`) and the first feed-forward matrix (`mlp`) still read; all when absent. */
  readonly inputDims?: { readonly attention?: readonly number[]; readonly mlp?: readonly number[] };
}

/** The structure of each layer. */
export type Structure = readonly LayerStructure[];

/** Checks a structure against that of the uncut model, and gives it back. */
export function checkStructure(structure: Structure, dense: Structure): Structure {
  if (structure.length !== dense.length) {
    throw new ModelsError(`structure: expected ${dense.length} layers, got ${structure.length}`);
  }
  structure.forEach((layer, i) => {
    for (const key of ['heads', 'hiddenUnits', 'crossHeads'] as const) {
      const most = dense[i]?.[key] ?? 0;
      const size = layer[key] ?? 0;
      if (!Number.isInteger(size) || size < 0 || size > most) {
        throw new ModelsError(`structure: layer ${i}: expected ${key} within 0…${most}, got ${size}`);
      }
    }
    const { keptHeads, heads } = layer;
    if (keptHeads && (keptHeads.length !== heads || keptHeads.some((h) => !((dense[i]?.heads ?? 0) > h && h >= 0))))
      throw new ModelsError(`structure: layer ${i}: expected ${heads} indices in keptHeads, got [${keptHeads}]`);
  });
  return structure;
}
