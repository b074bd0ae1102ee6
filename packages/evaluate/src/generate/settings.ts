import { z } from 'zod';
import { EvaluateError } from '../error.js';

const id = z.int().min(0);
const ids = z.array(id);
const count = z.int().min(0);

/** Fields of generation_config.json that this generator follows, in camel case; each means what it means to transformers 4.57.1. */
export const settingsSchema = z.object({
  /** Tokens to write at most; goes before `maxLength`. 20 where neither is given. */
  maxNewTokens: z.int().min(1).optional(),
  /** Tokens of the decoder at most, those of the prompt (padded to the longest of its batch) included. */
  maxLength: z.int().min(1).optional(),
  /** No end before so many tokens; goes before `minLength`. */
  minNewTokens: count.optional(),
  /** No end before the decoder has so many tokens, counted as for `maxLength`. */
  minLength: count.optional(),
  /** Hypotheses of beam search; 1, the default, takes the best token each time. */
  numBeams: z.int().min(1).optional(),
  /** Exponent of the length that divides a finished hypothesis's score; 1 by default, more favours longer ones. */
  lengthPenalty: z.number().optional(),
  /** Stop at as many finished hypotheses as beams (`true`), when none is likely (`false`, default) or able (`never`) to get better. */
  earlyStopping: z.union([z.boolean(), z.literal('never')]).optional(),
  /** No run of so many tokens comes twice; 0, the default, allows all. */
  noRepeatNgramSize: count.optional(),
  /** Divides positive scores of tokens that are there already, multiplies negative ones; 1 by default. */
  repetitionPenalty: z.number().positive().optional(),
  /** Runs of tokens that may not come. */
  badWordsIds: z.array(ids.min(1)).optional(),
  suppressTokens: ids.optional(),
  /** Tokens that may not come first. */
  beginSuppressTokens: ids.optional(),
  /** The first token after a decoder's single one. */
  forcedBosTokenId: id.optional(),
  /** The token that ends a text of full length. */
  forcedEosTokenId: z.union([id, ids.min(1)]).optional(),
  /** What a decoder starts with where `decoderStartTokenId` is not given. */
  bosTokenId: id.optional(),
  /** Tokens that end a text. */
  eosTokenId: z.union([id, ids.min(1)]).optional(),
  /** What rows are padded with; the first that ends a text by default. */
  padTokenId: id.optional(),
  decoderStartTokenId: id.optional(),
});

/** How texts are written; what is left out is as in the model's generation_config.json. */
export type GenerationSettings = z.output<typeof settingsSchema>;

/** Fields that would change what is written and are not followed, with the values that change nothing. */
const unfollowed: Readonly<Record<string, readonly unknown[]>> = {
  constraints: [],
  diversityPenalty: [0],
  encoderNoRepeatNgramSize: [0],
  encoderRepetitionPenalty: [1],
  exponentialDecayLengthPenalty: [],
  forceWordsIds: [],
  forcedDecoderIds: [],
  guidanceScale: [1],
  numBeamGroups: [1],
  penaltyAlpha: [0],
  renormalizeLogits: [false],
  sequenceBias: [],
  stopStrings: [],
};

/**
 * Settings from parsed generation_config.json; fields that only sampling reads are left out.
 * @throws EvaluateError (`input`) for values of the wrong type and for fields that this generator would have to follow.
 */
export function settingsOf(file: Readonly<Record<string, unknown>>): GenerationSettings {
  const fields = Object.entries(file)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => [name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase()), value] as const);
  const stray = fields.find(([name, value]) => unfollowed[name] && !unfollowed[name].includes(value));
  if (stray)
    throw new EvaluateError(
      'input',
      `generation_config.json: expected no ${stray[0]}, got ${JSON.stringify(stray[1])}; this generator does not follow it`,
    );
  return checked(settingsSchema, Object.fromEntries(fields), 'generation_config.json');
}

/** The options over the model's own settings. Throws an input error for a value or a name that is none. */
export function withOptions(settings: GenerationSettings, options: GenerationSettings): GenerationSettings {
  return { ...settings, ...checked(settingsSchema.strict(), options, 'generation') };
}

function checked<T>(schema: z.ZodType<T>, value: unknown, subject: string): T {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  throw new EvaluateError(
    'input',
    `${subject}: expected settings of generation, got ${z.prettifyError(error).replaceAll('\n', ' ')}`,
  );
}

/** Ids of a field that takes one or several. */
export const idList = (value: number | readonly number[] | undefined): readonly number[] =>
  value === undefined ? [] : typeof value === 'number' ? [value] : value;

/** Lengths in a batch, in tokens of the decoder. */
export interface Lengths {
  /** Tokens before the first that is written, padding included. */
  readonly prompt: number;
  /** Tokens that are written at most. */
  readonly most: number;
  /** Tokens before an end may come. */
  readonly least: number;
}

/**
 * How long texts may be, as `GenerationMixin._prepare_generated_length` of transformers 4.57.1 has it.
 * Throws an input error where the prompt leaves no room.
 */
export function lengthsOf(settings: GenerationSettings, prompt: number, positions = Number.POSITIVE_INFINITY): Lengths {
  const { maxNewTokens, maxLength = 20, minNewTokens, minLength = 0 } = settings;
  const standard = maxLength === 20 ? Math.min(prompt + maxLength, positions) : maxLength;
  const most = maxNewTokens ?? standard - prompt;
  if (most < 1)
    throw new EvaluateError(
      'input',
      `generation: expected room for a token, got a prompt of ${prompt} tokens with maxLength ${standard}; set maxNewTokens`,
    );
  return { prompt, most, least: minNewTokens ?? Math.max(0, minLength - prompt) };
}
