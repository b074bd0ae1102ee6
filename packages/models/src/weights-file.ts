import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelsError } from './errors.js';

/** Ends of files that hold pickled Python objects: reading one can run any code. */
const PICKLED = /\.(bin|pt|pth|ckpt|pkl)$/;

/** Other files of weights that people have in place of safetensors. */
const OTHER = /\.(h5|msgpack|gguf|ot)$/;

/** What pickled weights are refused with, and the way out. */
export const pickledMessage = (file: string, where: string): string =>
  `model.safetensors: expected beside config.json, got ${file}, a pickle, which can run code when it is read; ` +
  `write it anew where you trust it: python -c "from transformers import AutoModel; ` +
  `AutoModel.from_pretrained('.').save_pretrained('.', safe_serialization=True)", with the class that config.json ` +
  `names under architectures in place of AutoModel (${where})`;

/** The weights among a model's files: one file, or the index of several. Pickles and their like are refused by name. */
export function weightsFile(files: readonly string[], where: string): string {
  const found = ['model.safetensors', 'model.safetensors.index.json'].find((name) => files.includes(name));
  if (found) return found;
  const pickled = files.find((name) => PICKLED.test(name) && name !== 'training_args.bin');
  if (pickled) throw new ModelsError(pickledMessage(pickled, where));
  const onnx = files.find((name) => name.endsWith('.onnx'));
  if (onnx)
    throw new ModelsError(
      `model.safetensors: expected beside config.json, or the whole model in float32 as onnx/model.onnx, got ${onnx}; ` +
        `quantized models, and those in several files, cannot be trained (${where})`,
    );
  const other = files.find((name) => name.endsWith('.safetensors') || OTHER.test(name));
  const got = other ?? 'none';
  throw new ModelsError(`model.safetensors: expected beside config.json, got ${got} (${where})`);
}

/** The path of a folder's weights. */
export const weightsPath = async (folder: string): Promise<string> =>
  join(folder, weightsFile(await readdir(folder), folder));
