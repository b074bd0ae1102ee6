import {
  buildModel,
  type HeadGroup,
  type LayerStructure,
  type LoadedModel,
  linearsOf,
  type PrunableGroups,
  type Structure,
} from '@neuroprune/models';
import { float32, type Model, sizeOf, type Tensor } from '@neuroprune/onnx';
import { attentionOf } from '../heads/attention-layer.js';
import { removeHead } from '../heads/fold.js';
import { type Block, blocksOf, prunableLayers, storeLayers } from '../prunable-layer.js';
import { cutBlock } from './cut-layer.js';
import { foldUnits } from './fold-units.js';
import { inferenceGraph } from './inference-graph.js';
import { pickColumns } from './pick.js';
import { restingUnits } from './resting-units.js';
import { essential, readInputs, type Survivors } from './survivors.js';

/** What is compacted: a model with zeros in its dense shapes; a loaded model is one. */
export type CompactRequest = Pick<LoadedModel, 'config' | 'tensors' | 'prunable'> & {
  readonly head: Pick<LoadedModel['head'], 'numLabels'>;
  /** What the logits say; the class of a sequence when absent. */
  readonly task?: LoadedModel['task'];
};

/** A compacted model. */
export interface Compacted {
  /** The inference graph, with the same inputs and logits; initializers keep their parameters' names. */
  readonly model: Model;
  /** Sizes of each layer, as `buildModel` takes them. */
  readonly structure: Structure;
  /** Every parameter in the shapes that the structure says; `generationModels` takes them. */
  readonly tensors: ReadonlyMap<string, Tensor<'float32'>>;
  /** Which heads, hidden units and input dimensions of each block stayed: of each layer, and of its attention to an encoder. */
  readonly survivors: readonly Survivors[];
  /** Parameters of the whole model, before and after. */
  readonly parameters: { readonly dense: number; readonly compact: number };
}

type Weights = Map<string, Tensor<'float32'>>;

/**
 * Cuts dead structure out without changing the function: heads without values or output, hidden units that read or
 * reach nothing, input dimensions that nobody reads. Constants that the cut parts added go into the output biases;
 * embeddings and the residual width stay. The given tensors are not changed.
 */
export async function compact(request: CompactRequest): Promise<Compacted> {
  const { config, tensors, prunable } = request;
  const weights = copied(tensors, prunable);
  const survivors = await settled(request, weights);
  const blocks = blocksOf(prunable);
  blocks.forEach((block, b) => {
    cutBlock(weights, block, survivors[b]!);
  });
  cutTables(weights, blocks, survivors);
  const structure = structureOf(blocks, survivors);
  const { model, parameters } = buildModel({ config, tensors: weights, ...outputsOf(request), structure });
  return {
    model: inferenceGraph(model),
    structure,
    tensors: new Map(parameters.flatMap((name) => (weights.has(name) ? [[name, weights.get(name)!] as const] : []))),
    survivors,
    parameters: { dense: count(tensors, tensors.keys()), compact: count(weights, parameters) },
  };
}

const outputsOf = ({ head, task }: CompactRequest) => ({ labels: head.numLabels, ...(task && { task }) });

/** Moves what dead parts contribute into biases, in place; returns what is to stay. */
async function settled(request: CompactRequest, weights: Weights): Promise<Survivors[]> {
  const { config, tensors, prunable } = request;
  const blocks = blocksOf(prunable);
  const layers = prunableLayers(prunable, weights);
  const kept = layers.map(essential);
  const model = () => buildModel({ config, tensors, ...outputsOf(request) }).model;
  await foldUnits(layers, kept, (groups) => restingUnits(model(), groups), blocks);
  layers.forEach((layer, l) => {
    for (let h = 0; h < layer.heads; h++) if (!kept[l]!.heads.includes(h)) removeHead(attentionOf(layer), h);
  });
  storeLayers(prunable, weights, layers);
  return layers.map((layer, l) => ({ ...kept[l]!, inputs: readInputs(layer, kept[l]!) }));
}

/** One entry a layer; the block that reads an encoder says so in that of the layer before it. */
function structureOf(blocks: readonly Block[], survivors: readonly Survivors[]): LayerStructure[] {
  const structure: LayerStructure[] = [];
  for (const [i, { cross, heads: group }] of blocks.entries()) {
    const { heads, units, inputs } = survivors[i]!;
    if (cross) structure.push({ ...(structure.pop() as LayerStructure), crossHeads: heads.length });
    else
      structure.push({
        heads: heads.length,
        hiddenUnits: units.length,
        ...(group.biasTable !== undefined && { keptHeads: heads }),
        ...(Object.keys(inputs).length > 0 && { inputDims: inputs }),
      });
  }
  return structure;
}

/** Cuts from each shared table of positions the heads that are gone from every layer that reads it. */
function cutTables(weights: Weights, blocks: readonly Block[], survivors: readonly Survivors[]): void {
  const kept = new Map<string, Set<number>>();
  for (const [i, { heads }] of blocks.entries()) {
    const { biasTable }: HeadGroup = heads;
    if (biasTable === undefined) continue;
    kept.set(biasTable, new Set([...(kept.get(biasTable) ?? []), ...survivors[i]!.heads]));
  }
  for (const [name, heads] of kept) {
    const table = weights.get(name);
    if (table)
      weights.set(
        name,
        pickColumns(
          table,
          [...heads].sort((a, b) => a - b),
        ),
      );
  }
}

/** The same tensors, those of the groups with data of their own. */
function copied(tensors: LoadedModel['tensors'], groups: readonly PrunableGroups[]): Weights {
  const own: Weights = new Map(tensors);
  for (const name of new Set(groups.flatMap(linearsOf).flatMap(({ weight, bias }) => [weight, bias]))) {
    const t = tensors.get(name);
    if (t) own.set(name, float32(t.data.slice(), t.dims));
  }
  return own;
}

const count = (tensors: ReadonlyMap<string, Tensor>, names: Iterable<string>): number =>
  [...names].reduce((sum, name) => sum + sizeOf(tensors.get(name)?.dims ?? [0]), 0);
