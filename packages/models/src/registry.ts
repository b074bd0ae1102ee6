import { z } from 'zod';
import { albert } from './albert/albert.js';
import type { Architecture } from './architecture.js';
import { bart, marian } from './bart/bart.js';
import { bert } from './bert/bert.js';
import { debertaV2 } from './deberta-v2/deberta-v2.js';
import { distilbert } from './distilbert/distilbert.js';
import { electra } from './electra/electra.js';
import { ModelsError } from './errors.js';
import { gpt2 } from './gpt2/gpt2.js';
import { gemma, llama, qwen2, qwen3 } from './llama/llama.js';
import { opt } from './opt/opt.js';
import { ownArchitecture } from './own-architecture.js';
import { roberta, xlmRoberta } from './roberta/roberta.js';
import { t5 } from './t5/t5.js';

/** Every architecture, by `model_type`. */
export const architectures = {
  albert,
  bart,
  bert,
  'deberta-v2': debertaV2,
  distilbert,
  electra,
  gemma,
  gpt2,
  llama,
  marian,
  opt,
  qwen2,
  qwen3,
  roberta,
  t5,
  'xlm-roberta': xlmRoberta,
} as const satisfies Record<string, { readonly modelType: string }>;

/** A `model_type` we can build. */
export type ModelType = keyof typeof architectures;

const Named = z.looseObject({
  model_type: z.string(),
  architectures: z.array(z.unknown()).nullish().catch(undefined),
  is_decoder: z.unknown().optional(),
  is_encoder_decoder: z.unknown().optional(),
});

/** The architecture a configuration names, or brings along. */
export function architectureOf(config: unknown): Architecture {
  const own = ownArchitecture(config);
  if (own) return own;
  const named = Named.safeParse(config);
  const supported = Object.keys(architectures).join(', ');
  if (!named.success) throw new ModelsError(`config.json: expected a model_type, got none; supported: ${supported}`);
  const type = named.data.model_type;
  if (!isModelType(type)) throw new ModelsError(`model_type '${type}' is not supported; supported: ${supported}`);
  return variantOf(architectures[type], named.data);
}

/** The architecture, or the one that it has under a head for classes that `architectures` names, or as a decoder alone. */
function variantOf(architecture: Architecture, config: z.output<typeof Named>): Architecture {
  const { classifier, decoder } = architecture;
  if (decoder && config.is_decoder === true && config.is_encoder_decoder !== true) return decoder;
  const names = config.architectures ?? [];
  return classifier && names.includes(classifier.classNames['sequence-classification']) ? classifier : architecture;
}

const isModelType = (type: string): type is ModelType => Object.hasOwn(architectures, type);
