import { emptyGraph, GraphBuilder, type Model, modelOf, type Tensor, type Value } from '@neuroprune/onnx';
import type { ModelConfig } from './architecture.js';
import { ModelsError } from './errors.js';
import {
  type CausalGeneration,
  type EncoderOutput,
  type KeyValueCache,
  perToken,
  type Seq2SeqGeneration,
} from './generation.js';
import { Params } from './params.js';
import { architectureOf } from './registry.js';
import { checkStructure, type LayerStructure, type Structure } from './structure.js';

/** What the graphs that write text are made of. */
export interface GenerationRequest {
  /** Parsed configuration; its sizes are those of the uncut model. */
  readonly config: ModelConfig;
  /** Parameters under their standard names, in the shapes that `structure` says. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Sizes of each layer; those of the configuration when absent. */
  readonly structure?: Structure;
}

/** Files of the layout that transformers.js and optimum read, by name without `.onnx`. */
export type GenerationFile = 'model' | 'encoder_model' | 'decoder_model_merged';

/**
 * The graphs that write text token by token, with keys and values of earlier tokens as inputs `past_key_values.*`
 * [batch_size, heads, tokens, head size] and outputs `present.*`; undefined for an architecture that writes none.
 *
 * A decoder is one `model`: `input_ids`, `attention_mask` over all tokens, `position_ids` where the model has them → `logits`.
 * An encoder and its decoder are two: `encoder_model` gives `last_hidden_state`; `decoder_model_merged` reads it as
 * `encoder_hidden_states` and serves the first token and all later ones, as it projects only what its cache lacks.
 */
export function generationModels({
  config,
  tensors,
  structure: asked,
}: GenerationRequest): ReadonlyMap<GenerationFile, Model> | undefined {
  const { generation, structure: dense, modelType } = architectureOf(config);
  if (!generation) return undefined;
  const structure = asked ? checkStructure(asked, dense(config)) : dense(config);
  const graph = (name: GenerationFile, build: (p: Params) => void): [GenerationFile, Model] => {
    const builder = new GraphBuilder(emptyGraph(modelType));
    const problems: string[] = [];
    const taken = {
      used: new Map(),
      fresh: new Set<string>(),
      buffers: new Set<string>(),
      problems,
      shapesOnly: false,
    };
    build(new Params({ builder, tensors, ...taken, initialize: () => undefined }));
    if (problems.length > 0) throw new ModelsError(problems.join('; '));
    const { outputs } = builder.graph;
    builder.graph.outputs = [...outputs.slice(-1), ...outputs.slice(0, -1)]; // logits before the cache
    return [name, modelOf(builder.graph)];
  };
  if (generation.kind === 'causal') return new Map([graph('model', (p) => decoder(p, config, structure, generation))]);
  return new Map([
    graph('encoder_model', (p) => encoder(p, config, structure, generation)),
    graph('decoder_model_merged', (p) => readingDecoder(p, config, structure, generation)),
  ]);
}

const BATCH = 'batch_size';

const ids = (builder: GraphBuilder, name: string, length: string): Value =>
  builder.input(name, 'int64', [BATCH, length]);

function decoder(p: Params, c: ModelConfig, structure: Structure, generation: CausalGeneration<ModelConfig>): void {
  const { builder } = p;
  const inputIds = ids(builder, 'input_ids', 'sequence_length');
  const inputs = {
    inputIds,
    attentionMask: ids(builder, 'attention_mask', 'total_sequence_length'),
    ...(generation.takesPositions && { positionIds: ids(builder, 'position_ids', 'sequence_length') }),
    cache: cacheOf(
      builder,
      structure.flatMap(({ heads }, i) => keysAndValues(`${i}`, heads, generation.headSize(c), 'past_sequence_length')),
    ),
  };
  builder.output(perToken(p, inputIds, generation.decode(p, inputs, c, structure).words()), 'logits');
}

function encoder(p: Params, c: ModelConfig, structure: Structure, generation: Seq2SeqGeneration<ModelConfig>): void {
  const { builder } = p;
  const inputIds = ids(builder, 'input_ids', 'encoder_sequence_length');
  const attentionMask = ids(builder, 'attention_mask', 'encoder_sequence_length');
  const rows = generation.encode(p, { inputIds, attentionMask }, c, structure);
  builder.output(perToken(p, inputIds, rows), 'last_hidden_state');
}

function readingDecoder(
  p: Params,
  c: ModelConfig,
  structure: Structure,
  generation: Seq2SeqGeneration<ModelConfig>,
): void {
  const { builder } = p;
  const inputIds = ids(builder, 'input_ids', 'decoder_sequence_length');
  const mask = ids(builder, 'encoder_attention_mask', 'encoder_sequence_length');
  const states = builder.input('encoder_hidden_states', 'float32', [
    BATCH,
    'encoder_sequence_length',
    generation.width(c),
  ]);
  const layers = structure.slice(generation.encoderLayers(c));
  const size = generation.headSize(c);
  const own = layers.flatMap(({ heads }, i) => keysAndValues(`${i}.decoder`, heads, size, 'past_decoder_length'));
  const read = layers.flatMap(({ crossHeads = 0 }, i) =>
    keysAndValues(`${i}.encoder`, crossHeads, size, 'past_encoder_length'),
  );
  const cache = cacheOf(builder, [...own, ...read]);
  const source = unread(builder, states, mask, read[0] && cache.past(read[0].name));
  builder.output(perToken(p, inputIds, generation.decode(p, { inputIds, cache }, source, c, structure)), 'logits');
}

/** The source with those of its hidden states whose keys and values are not in the cache: all at first, then none. */
function unread(builder: GraphBuilder, states: Value, mask: Value, known: Value | undefined): EncoderOutput {
  const { op } = builder;
  const lengthOf = (x: Value, axis: number) => op.Shape(x, { start: axis, end: axis + 1 });
  const rest = known ? op.Slice(states, lengthOf(known, 2), lengthOf(states, 1), builder.ints(1)) : states;
  const batch = lengthOf(states, 0);
  return {
    rows: op.Reshape(rest, builder.ints(-1, Number(states.shape?.at(-1)))),
    // The length is left to be inferred: a zero in a target of `Reshape` would mean something else.
    shape: (...sizes) => op.Concat([batch, builder.ints(-1, ...sizes)], { axis: 0 }),
    mask,
  };
}

/** What one attention keeps of one kind, [batch_size, heads, length, size]. */
interface CacheEntry {
  readonly name: string;
  readonly heads: number;
  readonly size: number;
  /** Name of the axis of tokens. */
  readonly length: string;
}

const keysAndValues = (name: string, heads: LayerStructure['heads'], size: number, length: string): CacheEntry[] =>
  heads === 0 ? [] : ['key', 'value'].map((part) => ({ name: `${name}.${part}`, heads, size, length }));

/** Cache inputs, a layer's own head count each; the first entry tells how many tokens came before. */
function cacheOf(
  builder: GraphBuilder,
  entries: readonly CacheEntry[],
): KeyValueCache & { past(name: string): Value | undefined } {
  const { op } = builder;
  const inputs = new Map(
    entries.map(({ name, heads, size, length }) => [
      name,
      builder.input(`past_key_values.${name}`, 'float32', [BATCH, heads, length, size]),
    ]),
  );
  const first = entries[0] && inputs.get(entries[0].name);
  if (!first || entries[0]?.name.includes('encoder'))
    throw new ModelsError('cache: expected a layer with heads that read earlier tokens, got none; keep one head');
  return {
    length: op.Shape(first, { start: 2, end: 3 }),
    past: (name) => inputs.get(name),
    extend: (name, x) => {
      const past = inputs.get(name);
      if (!past) throw new Error(`internal: no cache for ${name}`);
      return builder.output(op.Concat([past, x], { axis: 2 }), `present.${name}`);
    },
  };
}
