import { emptyGraph, GraphBuilder, type Model, modelOf, type Tensor, type Value } from '@neuroprune/onnx';
import type { Architecture, ModelConfig, Task, TokenInputs } from './architecture.js';
import { ModelsError } from './errors.js';
import { Params } from './params.js';
import { architectureOf } from './registry.js';
import { checkStructure, type Structure } from './structure.js';

/** What a forward graph is made of. */
export interface BuildRequest {
  /** Parsed configuration; its sizes are those of the uncut model. */
  readonly config: ModelConfig;
  /** Parameters under their standard names, in the shapes that `structure` says. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Columns of a classifier's logits. */
  readonly labels: number;
  /** What the logits say; the class of a sequence when absent. */
  readonly task?: Task;
  /** Sizes of each layer; those of the configuration when absent. */
  readonly structure?: Structure;
  /** Sequences of this many tokens hold several examples each; one a row when absent. */
  readonly packing?: number;
  /** The tensors have no data: the graph cannot run, but says what it needs. */
  readonly shapesOnly?: boolean;
  /** Makes a missing parameter; nothing may be missing when absent. */
  readonly initialize?: (name: string, dims: readonly number[]) => Tensor | undefined;
}

/** A forward graph and what became of the tensors. */
export interface BuiltModel {
  /**
   * Inputs `input_ids`, `attention_mask`, and `token_type_ids` where the model has token types, int64 [batch, sequence];
   * output `logits` float32 [batch, labels], for a language model [batch, sequence, vocabulary]. A model that reads one text
   * and writes another has also the input `decoder_input_ids` int64 [batch, decoder_sequence], and logits along it.
   * With packing also `position_ids` [batch, sequence] and `first_tokens` [batch], and in the mask each example's number.
   */
  readonly model: Model;
  /** Names of the model's parameters, each an initializer of the graph. */
  readonly parameters: readonly string[];
  /** Parameters that `initialize` made. */
  readonly fresh: readonly string[];
  /** Parameters that are stored but never trained. */
  readonly buffers: readonly string[];
  /** Tensors that the graph has no use for. */
  readonly unused: readonly string[];
}

/** Builds the forward graph of a configuration, with `Dropout` nodes where training needs them. */
export function buildModel(request: BuildRequest): BuiltModel {
  const { config, tensors, labels, task = 'sequence-classification', structure, packing } = request;
  const architecture = architectureOf(config);
  if (!architecture.classNames[task]) throw new ModelsError(headlessMessage(architecture, task, config));
  if (packing !== undefined && !architecture.packs)
    throw new ModelsError(
      `${architecture.modelType}: expected an architecture that packs examples; train without packing`,
    );
  const builder = new GraphBuilder(emptyGraph(architecture.modelType));
  const used = new Map<string, Value>();
  const fresh = new Set<string>();
  const buffers = new Set<string>();
  const problems: string[] = [];
  const made = { used, fresh, buffers, problems };
  const { shapesOnly = false, initialize = () => undefined } = request;
  const p = new Params({ builder, tensors, initialize, shapesOnly, ...made });
  const dense = architecture.structure(config);
  const shape = { labels, task, structure: structure ? checkStructure(structure, dense) : dense };
  const inputs = {
    ...tokenInputs(builder, packing, architecture.tokenTypes(config)),
    ...(task === 'seq2seq-lm' && {
      decoderInputIds: builder.input('decoder_input_ids', 'int64', ['batch', 'decoder_sequence']),
    }),
  };
  builder.output(architecture.build(p, inputs, config, shape), 'logits');
  if (problems.length > 0) throw new ModelsError(unfitMessage(problems));
  return {
    model: modelOf(builder.graph),
    parameters: [...used.keys()],
    fresh: [...fresh],
    buffers: [...buffers],
    unused: [...tensors.keys()].filter((name) => !used.has(name)),
  };
}

function headlessMessage({ modelType, classNames }: Architecture, task: Task, { is_decoder }: ModelConfig): string {
  const heads = Object.keys(classNames).join(' or ');
  const why = is_decoder === true ? '; is_decoder in config.json lets each token read those before it alone' : '';
  return `${modelType}: expected an architecture with a head for ${task}, got one for ${heads}${why}`;
}

/** Problems listed in one error; the rest is counted. */
const MOST_PROBLEMS = 20;

function unfitMessage(problems: readonly string[]): string {
  const more = problems.length > MOST_PROBLEMS ? `; and ${problems.length - MOST_PROBLEMS} more` : '';
  const listed = problems.slice(0, MOST_PROBLEMS).join('; ');
  return `${listed}${more}; the weights are incomplete or do not belong to this configuration`;
}

function tokenInputs(builder: GraphBuilder, packing: number | undefined, tokenTypes: boolean): TokenInputs {
  const input = (name: string) => builder.input(name, 'int64', ['batch', 'sequence']);
  return {
    inputIds: input('input_ids'),
    attentionMask: input('attention_mask'),
    ...(tokenTypes && { tokenTypeIds: input('token_type_ids') }),
    ...(packing !== undefined && {
      packed: {
        positionIds: input('position_ids'),
        firstTokens: builder.input('first_tokens', 'int64', ['batch']),
        length: packing,
      },
    }),
  };
}
