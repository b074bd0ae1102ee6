import { cloneModel, type Model, type Tensor } from '@neuroprune/onnx';
import { type Architecture, ModelConfig, type Task } from '../architecture.js';
import { ModelsError } from '../errors.js';
import { emit, type ImportedDropout } from './emit.js';
import type { ImportedGraph } from './import-graph.js';

/** Shares that training drops where a configuration says none, as BERT's does. */
const DROPOUT = 0.1;

/** Keys under which configurations say them. */
const keys = {
  attention: ['attention_probs_dropout_prob', 'attention_dropout', 'attn_pdrop'],
  output: ['hidden_dropout_prob', 'dropout', 'resid_pdrop', 'hidden_dropout'],
} as const;

function shareOf(config: ModelConfig, names: readonly string[]): number {
  const stated = names.map((name) => config[name]).find((value) => typeof value === 'number');
  return typeof stated === 'number' && stated >= 0 && stated < 1 ? stated : DROPOUT;
}

/** What training drops in a graph that was exported without dropout. */
export const dropoutOf = (config: ModelConfig): ImportedDropout => ({
  attention: shareOf(config, keys.attention),
  output: shareOf(config, keys.output),
});

/** What the logits say, by their axes: of a sequence, or of each token. */
export function taskOfGraph({ rank }: Pick<ImportedGraph, 'rank'>, { architectures }: ModelConfig): Task {
  if (rank === 2) return 'sequence-classification';
  const named = Array.isArray(architectures) ? String(architectures[0]) : '';
  return /CausalLM|LMHead/.test(named) ? 'causal-lm' : 'masked-lm';
}

/** The architecture of one model that came without source: its graph is all there is to build. */
export function importedArchitecture(graph: ImportedGraph, config: ModelConfig): Architecture {
  const { architectures } = config;
  const named = Array.isArray(architectures) && typeof architectures[0] === 'string' ? architectures[0] : undefined;
  return {
    modelType: config.model_type,
    classNames: { [taskOfGraph(graph, config)]: named ?? 'OnnxModel' },
    tokenTypes: () => graph.roles.has('token_type_ids'),
    config: ModelConfig,
    legacyNames: [],
    headNames: [],
    structure: () =>
      graph.layers.map(({ groups }) => ({ heads: groups.heads.count, hiddenUnits: groups.neurons.count })),
    build(p, inputs, c, { labels, structure }) {
      if (labels !== graph.columns && graph.rank === 2)
        throw new ModelsError(
          `logits: expected ${labels} columns for the labels, got ${graph.columns}; a model without source keeps the head it came with`,
        );
      return emit(graph, p, inputs, structure, dropoutOf(c));
    },
    prunable: () => graph.layers.map(({ groups }) => groups),
    denseGraph: (tensors) => denseGraph(graph, tensors),
  };
}

/** The graph with other weights in its dense shapes. */
function denseGraph({ model, parameters }: ImportedGraph, tensors: ReadonlyMap<string, Tensor>): Model {
  const names = new Set(parameters.map(({ name }) => name));
  const copy = cloneModel(model);
  for (const value of copy.graph.initializers) {
    const own = names.has(value.name) ? tensors.get(value.name) : undefined;
    if (own) value.tensor = own;
  }
  return copy;
}
