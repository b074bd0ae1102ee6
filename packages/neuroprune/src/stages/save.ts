import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { type LoadedModel, savedConfig, saveModel } from '@neuroprune/models';
import type { Model, Tensor } from '@neuroprune/onnx';
import type { Dtype } from '../schema/dtype.js';
import { type FetchedModel, tokenizerFiles } from './fetch-model.js';
import { writeGenerationConfig } from './generation-config.js';
import { type WrittenGraph, withTransformersJs, writeGraphs } from './graphs.js';
import { exists } from './run-folder.js';
import { writeJson } from './write-file.js';

/** Where the small model lies in a published folder; transformers.js looks there. */
export const ONNX = 'onnx/model.onnx';

/** What a published folder is made of, its card and measurements apart. */
export interface SaveRequest {
  readonly loaded: LoadedModel;
  /** Trained parameters in their dense shapes. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** The same function with the dead structure cut out: ONNX graphs by their path in the folder. */
  readonly graphs: ReadonlyMap<string, Model>;
  /** Precisions of these files beside float32. */
  readonly dtypes?: readonly Dtype[] | undefined;
  /** Where the tokenizer comes from. */
  readonly source: FetchedModel;
}

/** Writes configuration, dense weights with zeros, tokenizer and the small ONNX models into a folder; returns the latter. */
export async function saveFolder(
  folder: string,
  { loaded, tensors, graphs, dtypes = [], source }: SaveRequest,
): Promise<WrittenGraph[]> {
  const { config, head, task } = loaded;
  await saveModel(folder, { config, head, task, tensors });
  await copyTokenizer(source.folder, folder);
  const written = await writeGraphs(folder, graphs, ['fp32', ...dtypes]);
  await writeJson(path.join(folder, 'config.json'), withTransformersJs(savedConfig({ config, head, task }), written));
  if (task === 'causal-lm' || task === 'seq2seq-lm') await writeGenerationConfig(folder, config);
  return written;
}

/** Copies what a model is tokenized with. */
export async function copyTokenizer(from: string, to: string): Promise<void> {
  for (const file of tokenizerFiles) {
    if (await exists(path.join(from, file))) await copyFile(path.join(from, file), path.join(to, file));
  }
}
