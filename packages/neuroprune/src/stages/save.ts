import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { type LoadedModel, saveModel } from '@neuroprune/models';
import type { Model, Tensor } from '@neuroprune/onnx';
import { type FetchedModel, tokenizerFiles } from './fetch-model.js';
import { writeGenerationConfig } from './generation-config.js';
import { writeOnnx } from './onnx-file.js';
import { exists } from './run-folder.js';

/** Where the small model lies in a published folder; transformers.js looks there. */
export const ONNX = 'onnx/model.onnx';

/** What a published folder is made of, its card and measurements apart. */
export interface SaveRequest {
  readonly loaded: LoadedModel;
  /** Trained parameters in their dense shapes. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** The same function with the dead structure cut out: ONNX graphs by their path in the folder. */
  readonly graphs: ReadonlyMap<string, Model>;
  /** Where the tokenizer comes from. */
  readonly source: FetchedModel;
}

/** Writes configuration, dense weights with zeros, tokenizer and the small ONNX models into a folder. */
export async function saveFolder(folder: string, { loaded, tensors, graphs, source }: SaveRequest): Promise<void> {
  const { config, head, task } = loaded;
  await saveModel(folder, { config, head, task, tensors });
  await copyTokenizer(source.folder, folder);
  for (const [file, model] of graphs) await writeOnnx(model, path.join(folder, file));
  if (loaded.architecture.generation) await writeGenerationConfig(folder, config);
}

/** Copies what a model is tokenized with. */
export async function copyTokenizer(from: string, to: string): Promise<void> {
  for (const file of tokenizerFiles) {
    if (await exists(path.join(from, file))) await copyFile(path.join(from, file), path.join(to, file));
  }
}
