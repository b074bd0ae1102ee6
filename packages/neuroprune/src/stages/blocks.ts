import { type HeadGroup, type LoadedModel, prunableWeights } from '@neuroprune/models';
import { sizeOf } from '@neuroprune/onnx';

/** A layer that can be pruned: what it holds, and the parameters that hold it. */
export interface BlockRow {
  readonly layer: string;
  readonly attention: {
    readonly heads: number;
    readonly headSize: number;
    readonly query: string;
    readonly key: string;
    readonly value: string;
    readonly output: string;
  };
  readonly mlp: {
    readonly kind: 'plain' | 'gated';
    readonly hiddenUnits: number;
    readonly up: readonly string[];
    readonly down: readonly string[];
  };
  /** Prunable weights. */
  readonly weights: number;
}

/** What `convert --dry-run` tells of a model. */
export interface BlockList {
  readonly task: LoadedModel['task'];
  /** Columns of a classifier's logits. */
  readonly labels?: number;
  readonly inputs: readonly string[];
  readonly blocks: readonly BlockRow[];
  /** What looks like part of a layer and stays dense, with the reason. */
  readonly unknown: readonly string[];
  readonly parameters: number;
  /** The size of inputs of a graph that takes only one. */
  readonly fixedSize?: string;
}

/** The layers of a loaded model, whatever it was loaded from. */
export function blockList({ model, prunable, tensors, head, task, imported }: LoadedModel): BlockList {
  const count = (name: string): number => sizeOf(tensors.get(name)?.dims ?? [0]);
  const blocks = prunable.map((group): BlockRow => {
    const { layer, heads, neurons } = group;
    return {
      layer,
      attention: attentionOf(heads),
      mlp: {
        kind: neurons.out.length > 1 ? 'gated' : 'plain',
        hiddenUnits: neurons.count,
        up: neurons.out.map(({ weight }) => weight),
        down: neurons.in.map(({ weight }) => weight),
      },
      weights: prunableWeights(group).reduce((sum, name) => sum + count(name), 0),
    };
  });
  return {
    task,
    ...(task === 'sequence-classification' && { labels: head.numLabels }),
    inputs: model.graph.inputs.map(({ name }) => name),
    blocks,
    unknown: imported?.unknown ?? [],
    parameters: [...tensors.keys()].reduce((sum, name) => sum + count(name), 0),
    ...(imported?.fixedSize !== undefined && { fixedSize: imported.fixedSize }),
  };
}

const attentionOf = ({ count, size, query, key, value, output }: HeadGroup): BlockRow['attention'] => ({
  heads: count,
  headSize: size,
  query: query.weight,
  key: key.weight,
  value: value.weight,
  output: output.weight,
});
