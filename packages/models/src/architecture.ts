import type { Model, Tensor, Value } from '@neuroprune/onnx';
import { z } from 'zod';
import type { Generation } from './generation.js';
import type { Params } from './params.js';
import type { PrunableGroups } from './prunable.js';
import type { Structure } from './structure.js';

/** What every architecture's configuration has, under Hugging Face's keys; other keys are kept as they are. */
export const ModelConfig = z.looseObject({
  model_type: z.string(),
  initializer_range: z.number().nonnegative().default(0.02),
});

/** A parsed `config.json`. */
export type ModelConfig = z.output<typeof ModelConfig>;

/** The inputs of a forward graph, int64 [batch, sequence] each. */
export interface TokenInputs {
  readonly inputIds: Value;
  /** 1 for a token, 0 for padding; in packed rows the number of the token's example, from 1. */
  readonly attentionMask: Value;
  /** Present where the model has token types. */
  readonly tokenTypeIds?: Value;
  /** The target's tokens so far, int64 [batch, decoder_sequence], where a decoder reads an encoder. */
  readonly decoderInputIds?: Value;
  /** Present where examples are packed. */
  readonly packed?: PackedInputs;
}

/** Where the examples of a packed batch stand; its tokens in order, cut every `length`, are the sequences of attention. */
export interface PackedInputs {
  /** [batch, sequence]: a token's position in its example. */
  readonly positionIds: Value;
  /** [batch]: where an example's first token stands among all. */
  readonly firstTokens: Value;
  readonly length: number;
}

/** What the logits of a model say, by transformers' names of tasks. */
export type Task = 'sequence-classification' | 'masked-lm' | 'causal-lm' | 'seq2seq-lm';

/** What a forward graph is built to, beside the configuration. */
export interface GraphShape {
  readonly task: Task;
  /** Columns of a classifier's logits. */
  readonly labels: number;
  /** Sizes of each layer. */
  readonly structure: Structure;
}

/** A rule that turns one spelling of a parameter's name into the standard one (`String.replace`). */
export type Rename = readonly [pattern: RegExp, replacement: string];

/** One Hugging Face architecture: its configuration, its forward graph, and what may be pruned in it. */
export interface Architecture<C extends ModelConfig = ModelConfig> {
  /** `model_type` of `config.json`. */
  readonly modelType: string;
  /** Classes that `architectures` names, by task; a task without one has no head here. */
  readonly classNames: Readonly<Partial<Record<Task, string>>>;
  /** Whether a model of this configuration reads `token_type_ids`. */
  tokenTypes(c: C): boolean;
  readonly config: z.ZodType<C>;
  /** Other spellings of parameter names, undone at read, in order. */
  readonly legacyNames: readonly Rename[];
  /** Names of each tied parameter, the standard one first: a checkpoint may have kept any one of them. */
  tiedNames?(c: C): readonly (readonly [standard: string, ...others: string[]])[];
  /** Parameters that a checkpoint without this task head lacks. */
  readonly headNames: readonly RegExp[];
  /** Sizes of each layer of an uncut model; those of an encoder come before its decoder's. */
  structure(c: C): Structure;
  /** Builds the logits: [batch, labels], or [batch, sequence, vocabulary] of a language model. */
  build(p: Params, inputs: TokenInputs, c: C, shape: GraphShape): Value;
  /** How the model writes text, where it does; the parts that `build` is made of. */
  readonly generation?: Generation<C>;
  /** The architecture under a head for classes, where its parameters have other names there. */
  readonly classifier?: Architecture;
  /** The architecture as a decoder alone, which goes on with texts: that of configurations with `is_decoder`. */
  readonly decoder?: Architecture;
  /** Whether `build` takes packed examples. */
  readonly packs?: boolean;
  /** Groups that may be pruned, a row a layer. */
  prunable(c: C): PrunableGroups[];
  /** The uncut graph with these weights, of a model without source: it is stored beside them. */
  denseGraph?(tensors: ReadonlyMap<string, Tensor>): Model;
}

/** Declares an architecture; the configuration's type follows from its schema. */
export const defineArchitecture = <C extends ModelConfig>(architecture: Architecture<C>): Architecture<C> =>
  architecture;

/** The standard name of a parameter, whatever spelling the file has. */
export const standardName = ({ legacyNames }: Architecture, name: string): string =>
  legacyNames.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), name);
