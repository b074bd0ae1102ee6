import { z } from 'zod';
import { ModelConfig } from '../architecture.js';
import { layers, share, size } from '../config-fields.js';
import { activationNames } from '../layers.js';

const scale = z.number().positive();

/** Heads turn in all of their dimensions. */
const whole = z.looseObject({ partial_rotary_factor: z.literal(1).optional() });

/** Options of rotary positions; other kinds of scaling are refused by name. */
const RotaryScaling = z.discriminatedUnion('rope_type', [
  whole.extend({ rope_type: z.literal('default') }),
  whole.extend({ rope_type: z.literal('linear'), factor: scale }),
  whole.extend({
    rope_type: z.literal('llama3'),
    factor: scale,
    low_freq_factor: scale,
    high_freq_factor: scale,
    original_max_position_embeddings: size,
  }),
]);

/** How long texts stretch rotary positions. */
export type RotaryScaling = z.output<typeof RotaryScaling>;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** Older files call it `type`. */
const named = (options: unknown) =>
  isObject(options) && 'type' in options && !('rope_type' in options)
    ? { ...options, rope_type: options.type }
    : options;

/** transformers 5 writes `rope_theta` and `rope_scaling` as one, `rope_parameters`; those who read it read on as before. */
function apart(config: unknown): unknown {
  if (!isObject(config) || !isObject(config.rope_parameters)) return config;
  const { rope_theta = config.rope_theta, ...scaling } = config.rope_parameters;
  return {
    ...config,
    ...(rope_theta !== undefined && { rope_theta }),
    rope_scaling: { rope_type: 'default', ...scaling },
  };
}

const Decoder = ModelConfig.extend({
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: layers,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  hidden_act: z.enum(activationNames).default('silu'),
  rms_norm_eps: z.number().positive().default(1e-6),
  rope_theta: z.number().positive().default(10_000),
  rope_scaling: z.preprocess(named, RotaryScaling.nullish()),
  partial_rotary_factor: z.literal(1).optional(),
  attention_dropout: share.default(0),
  tie_word_embeddings: z.boolean().default(false),
});

const checked = <C extends z.output<typeof Decoder>>(schema: z.ZodType<C>) =>
  z
    .preprocess(apart, schema)
    .refine((c) => c.head_dim || c.hidden_size % c.num_attention_heads === 0, {
      path: ['hidden_size'],
      error: 'expected a multiple of num_attention_heads, or head_dim',
    })
    .refine((c) => c.num_attention_heads % (c.num_key_value_heads ?? c.num_attention_heads) === 0, {
      path: ['num_attention_heads'],
      error: 'expected a multiple of num_key_value_heads',
    });

/** Configuration of Llama, with transformers' defaults (`LlamaConfig`). */
export const LlamaConfig = checked(
  Decoder.extend({
    model_type: z.literal('llama'),
    attention_bias: z.boolean().default(false),
    mlp_bias: z.boolean().default(false),
  }),
);

const noWindow = { use_sliding_window: z.literal(false).default(false) };

/** Configuration of Qwen2, with transformers' defaults (`Qwen2Config`). */
export const Qwen2Config = checked(Decoder.extend({ model_type: z.literal('qwen2'), ...noWindow }));

/** Configuration of Qwen3, with transformers' defaults (`Qwen3Config`). */
export const Qwen3Config = checked(
  Decoder.extend({
    model_type: z.literal('qwen3'),
    head_dim: size.default(128),
    attention_bias: z.boolean().default(false),
    ...noWindow,
  }),
);

/** Configuration of Gemma (the first), with transformers' defaults (`GemmaConfig`). */
export const GemmaConfig = checked(
  Decoder.extend({
    model_type: z.literal('gemma'),
    head_dim: size.default(256),
    hidden_act: z.enum(activationNames).default('gelu_pytorch_tanh'),
    attention_bias: z.boolean().default(false),
    tie_word_embeddings: z.literal(true).default(true),
  }),
);

/** What the family's configurations share. */
export type DecoderConfig = z.output<typeof Decoder>;
/** A parsed Llama configuration. */
export type LlamaConfig = z.output<typeof LlamaConfig>;
/** A parsed Qwen2 configuration. */
export type Qwen2Config = z.output<typeof Qwen2Config>;
/** A parsed Qwen3 configuration. */
export type Qwen3Config = z.output<typeof Qwen3Config>;
/** A parsed Gemma configuration. */
export type GemmaConfig = z.output<typeof GemmaConfig>;
