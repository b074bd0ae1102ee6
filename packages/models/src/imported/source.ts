import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { ModelConfig } from '../architecture.js';
import { ModelsError } from '../errors.js';

/** The uncut graph in a folder that was saved from a model without source; its weights lie in `model.safetensors`. */
export const DENSE_GRAPH = 'dense.onnx';

/** Where a model's ONNX file lies, in the order of preference. */
export const onnxFiles = [DENSE_GRAPH, 'onnx/model.onnx', 'model.onnx'] as const;

/**
 * The ONNX file among a model's files that is the model, as it has no source; undefined where safetensors lie beside
 * `config.json`, or where there is none.
 */
export function importedAmong(files: readonly string[]): string | undefined {
  const isSaved = files.includes(DENSE_GRAPH);
  const hasWeights = ['model.safetensors', 'model.safetensors.index.json'].some((name) => files.includes(name));
  return hasWeights && !isSaved ? undefined : onnxFiles.find((name) => files.includes(name));
}

const isFile = async (file: string): Promise<boolean> => (await stat(file).catch(() => undefined))?.isFile() ?? false;

/** The ONNX file that a model without source is: the file itself, or that of a folder. Undefined for a folder of Hugging Face's. */
export async function importedFile(place: string): Promise<string | undefined> {
  if (place.endsWith('.onnx')) {
    if (await isFile(place)) return place;
    throw new ModelsError(`${place}: expected an ONNX file, found none`);
  }
  const names = [...onnxFiles, 'model.safetensors', 'model.safetensors.index.json'];
  const there = await Promise.all(names.map((name) => isFile(path.join(place, name))));
  const found = importedAmong(names.filter((_, i) => there[i]));
  return found && path.join(place, found);
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
