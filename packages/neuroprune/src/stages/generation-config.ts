import path from 'node:path';
import type { ModelConfig } from '@neuroprune/models';
import { exists } from './run-folder.js';
import { writeJson } from './write-file.js';

/** How a model writes text, by transformers' name. */
const GENERATION_CONFIG = 'generation_config.json';

/** Keys of `config.json` that say how to write text where no file of its own does (transformers `GenerationConfig.from_model_config`). */
const keys = [
  'bos_token_id',
  'eos_token_id',
  'pad_token_id',
  'decoder_start_token_id',
  'forced_bos_token_id',
  'forced_eos_token_id',
  'bad_words_ids',
  'suppress_tokens',
] as const;

/** Writes `generation_config.json` from the configuration where the folder has none. */
export async function writeGenerationConfig(folder: string, config: ModelConfig): Promise<void> {
  const file = path.join(folder, GENERATION_CONFIG);
  if (await exists(file)) return;
  const said = keys.flatMap((key) => (config[key] === undefined || config[key] === null ? [] : [[key, config[key]]]));
  await writeJson(file, Object.fromEntries(said));
}
