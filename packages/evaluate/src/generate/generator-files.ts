import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { EvaluateError } from '../error.js';
import { type GenerationSettings, settingsOf } from './settings.js';

const largestFile = 2 ** 20;

const record = z.record(z.string(), z.unknown());

/** What a model's folder says of how it writes. */
export interface GeneratorFiles {
  readonly settings: GenerationSettings;
  /** `max_position_embeddings` of config.json. */
  readonly positions?: number;
}

/**
 * Reads generation_config.json, and where there is none the same fields of config.json.
 * @throws EvaluateError (`input`) where a file is too large, no JSON, or asks for what this generator does not do.
 */
export async function readGeneratorFiles(folder: string): Promise<GeneratorFiles> {
  const config = (await readObject(path.join(folder, 'config.json'))) ?? {};
  const settings = settingsOf((await readObject(path.join(folder, 'generation_config.json'))) ?? config);
  const positions = config.max_position_embeddings;
  return { settings, ...(typeof positions === 'number' && { positions }) };
}

async function readObject(file: string): Promise<Record<string, unknown> | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (!found) return undefined;
  if (found.size > largestFile)
    throw new EvaluateError('input', `generation: expected at most ${largestFile} bytes, got ${found.size} (${file})`);
  try {
    return record.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    throw new EvaluateError(
      'input',
      `generation: expected a JSON object, got something else (${file}); download the file again`,
      { cause },
    );
  }
}
