import {
  buildModel,
  type LayerStructure,
  type LoadedModel,
  type PrunableGroups,
  type Structure,
} from '@neuroprune/models';
import { float32, type Model, sizeOf, type Tensor } from '@neuroprune/onnx';
import { attentionOf } from '../heads/attention-layer.js';
import { removeHead } from '../heads/fold.js';
import { prunableLayers } from '../prunable-layer.js';
import { cutLayer } from './cut-layer.js';
import { foldUnits } from './fold-units.js';
import { inferenceGraph } from './inference-graph.js';
import { restingUnits } from './resting-units.js';
import { essential, readInputs, type Survivors } from './survivors.js';

/** What is compacted: a model with zeros in its dense shapes; a loaded model is one. */
export type CompactRequest = Pick<LoadedModel, 'config' | 'tensors' | 'prunable'> & {
  readonly head: Pick<LoadedModel['head'], 'numLabels'>;
};

/** A compacted model. */
export interface Compacted {
  /** The inference graph, with the same inputs and logits; initializers keep their parameters' names. */
  readonly model: Model;
  /** Sizes of each layer, as `buildModel` takes them. */
  readonly structure: Structure;
  /** Which heads, hidden units and input dimensions of each layer stayed. */
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
export async function compact({ config, tensors, head, prunable }: CompactRequest): Promise<Compacted> {
  const labels = head.numLabels;
  const weights = copied(tensors, prunable);
  const layers = prunableLayers(prunable, weights);
  const kept = layers.map(essential);
  await foldUnits(
    layers,
    kept,
    (groups) => restingUnits(buildModel({ config, tensors, labels }).model, groups),
    prunable,
  );
  layers.forEach((layer, l) => {
    for (let h = 0; h < layer.heads; h++) if (!kept[l]!.heads.includes(h)) removeHead(attentionOf(layer), h);
  });
  const survivors = layers.map((layer, l): Survivors => ({ ...kept[l]!, inputs: readInputs(layer, kept[l]!) }));
  prunable.forEach((group, l) => {
    cutLayer(weights, group, layers[l]!, survivors[l]!);
  });
  const structure = survivors.map(structureOf);
  const { model, parameters } = buildModel({ config, tensors: weights, labels, structure });
  return {
    model: inferenceGraph(model),
    structure,
    survivors,
    parameters: { dense: count(tensors, tensors.keys()), compact: count(weights, parameters) },
  };
}

const structureOf = ({ heads, units, inputs }: Survivors): LayerStructure => ({
  heads: heads.length,
  hiddenUnits: units.length,
  ...(Object.keys(inputs).length > 0 && { inputDims: inputs }),
});

const namesOf = ({ heads: h, neurons: n }: PrunableGroups): string[] =>
  [h.query, h.key, h.value, h.output, ...n.out, ...n.in].flatMap(({ weight, bias }) => [weight, bias]);

/** The same tensors, those of the groups with data of their own. */
function copied(tensors: LoadedModel['tensors'], groups: readonly PrunableGroups[]): Weights {
  const own: Weights = new Map(tensors);
  for (const name of groups.flatMap(namesOf)) {
    const t = tensors.get(name);
    if (t) own.set(name, float32(t.data.slice(), t.dims));
  }
  return own;
}

const count = (tensors: ReadonlyMap<string, Tensor>, names: Iterable<string>): number =>
  [...names].reduce((sum, name) => sum + sizeOf(tensors.get(name)?.dims ?? [0]), 0);
