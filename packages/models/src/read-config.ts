import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Architecture, ModelConfig } from './architecture.js';
import { ModelsError } from './errors.js';
import { importedConfig, importedFile } from './imported/source.js';
import { architectureOf } from './registry.js';

/** A configuration and what it describes. */
export interface Described {
  readonly config: ModelConfig;
  readonly architecture: Architecture;
  /** The class that `architectures` names where it is none that is built here: the model was made for something else. */
  readonly otherClass?: string;
}

/** Reads and checks `config.json`; another architecture, or an option we cannot build, is an error that names it. */
export async function readConfig(folder: string): Promise<Described> {
  const json = await readConfigJson(join(folder, 'config.json'));
  const architecture = architectureOf(json);
  refuseRounded(json);
  const parsed = architecture.config.safeParse(json);
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new ModelsError(`config.json: ${issues.join('; ')} (${folder})`);
  }
  const otherClass = otherClassOf(parsed.data, architecture);
  return { config: parsed.data, architecture, ...(otherClass !== undefined && { otherClass }) };
}

/** What follows the family's name in the classes that have a head. */
const HEAD = /(For\w+|LMHeadModel|MTModel)$/;

function otherClassOf(config: ModelConfig, { classNames, classifier }: Architecture): string | undefined {
  const built = Object.values({ ...classNames, ...classifier?.classNames });
  const known = [...built, ...built.map((name) => name.replace(HEAD, 'Model'))];
  const named = Array.isArray(config.architectures) ? config.architectures.map(String) : [];
  return named.some((name) => known.includes(name)) ? undefined : named[0];
}

const Rounded = z.looseObject({ quantization_config: z.looseObject({ quant_method: z.string().optional() }) });

/** Refuses weights that are numbers only together with scales beside them; without those they would be taken for others. */
function refuseRounded(json: unknown): void {
  const { success, data } = Rounded.safeParse(json);
  if (!success) return;
  const { quant_method: method = 'of an unknown kind' } = data.quantization_config;
  throw new ModelsError(
    `config.json: quantization_config: expected none, got ${method}; rounded weights cannot be trained: ` +
      'take the model that was quantized; --dtype writes smaller files of what comes out',
  );
}

/** The configuration of a model, checked where it says an architecture that is built here and not a graph. */
export async function readModelConfig(place: string): Promise<ModelConfig> {
  const file = await importedFile(place);
  return file === undefined ? (await readConfig(place)).config : importedConfig(file);
}

/** Far above any real config.json (a few kB; label lists of some 100). */
const CONFIG_BYTES = 10_000_000;

async function readConfigJson(path: string): Promise<unknown> {
  const file = await stat(path).catch(() => undefined);
  if (!file) throw new ModelsError(`config.json: expected in the model's folder, got none (${path})`);
  if (file.size > CONFIG_BYTES) {
    throw new ModelsError(`config.json: expected at most ${CONFIG_BYTES} bytes, got ${file.size} (${path})`);
  }
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new ModelsError(`config.json: expected JSON, got something else (${path})`, 'input', { cause });
  }
}
