import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { ModelConfig } from '../architecture.js';
import { ModelsError } from '../errors.js';

/** The uncut graph in a folder that was saved from a model without source; its weights lie in `model.safetensors`. */
export const DENSE_GRAPH = 'dense.onnx';

/** Where a model's ONNX file lies, in the order of preference. */
export const onnxFiles = [DENSE_GRAPH, 'onnx/model.onnx', 'model.onnx'] as const;

const isFile = async (file: string): Promise<boolean> => (await stat(file).catch(() => undefined))?.isFile() ?? false;

/**
 * The ONNX file that a model is when it has no source: the file itself, or that of a folder without safetensors. Undefined
 * for a folder of Hugging Face's.
 */
export async function importedFile(place: string): Promise<string | undefined> {
  if (place.endsWith('.onnx')) {
    if (await isFile(place)) return place;
    throw new ModelsError(`${place}: expected an ONNX file, found none`);
  }
  const has = (name: string) => isFile(path.join(place, name));
  const isSaved = await has(DENSE_GRAPH);
  if (!isSaved && ((await has('model.safetensors')) || (await has('model.safetensors.index.json')))) return undefined;
  for (const name of onnxFiles) if (await has(name)) return path.join(place, name);
  return undefined;
}

/** Far above any real config.json. */
const CONFIG_BYTES = 10_000_000;

/** What is known of an ONNX file beside its graph: the `config.json` beside it or above its folder `onnx`, if there is one. */
export async function importedConfig(file: string): Promise<ModelConfig> {
  const beside = path.dirname(file);
  const folders = path.basename(beside) === 'onnx' ? [beside, path.dirname(beside)] : [beside];
  for (const folder of folders) {
    const config = path.join(folder, 'config.json');
    const found = await stat(config).catch(() => undefined);
    if (!found) continue;
    if (found.size > CONFIG_BYTES)
      throw new ModelsError(`config.json: expected at most ${CONFIG_BYTES} bytes, got ${found.size} (${config})`);
    return parsed(await readFile(config, 'utf8'), config);
  }
  return ModelConfig.parse({ model_type: 'onnx' });
}

function parsed(text: string, file: string): ModelConfig {
  try {
    const { success, data } = ModelConfig.safeParse({ model_type: 'onnx', ...JSON.parse(text) });
    if (success) return data;
  } catch {
    // told below
  }
  throw new ModelsError(`config.json: expected a configuration, got something else (${file})`);
}
