import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { generationModels, type LoadedModel, savedConfig } from '@neuroprune/models';
import type { Model } from '@neuroprune/onnx';
import { inferenceGraph } from '@neuroprune/prune';
import type { Dtype } from '../schema/dtype.js';
import type { FetchedModel } from './fetch-model.js';
import { writeGenerationConfig } from './generation-config.js';
import { type WrittenGraph, withTransformersJs, writeGraphs } from './graphs.js';
import type { WriteOnnxOptions } from './onnx-file.js';
import { copyTokenizer, ONNX } from './save.js';
import { writeJson } from './write-file.js';

/** Whether a model writes text. */
const writes = ({ task }: LoadedModel): boolean => task === 'causal-lm' || task === 'seq2seq-lm';

/** The graphs that run a model, by file: one, or those that write text with a cache. */
export function inferenceGraphs(loaded: LoadedModel): ReadonlyMap<string, Model> {
  const writing = writes(loaded) ? generationModels(loaded) : undefined;
  if (!writing) return new Map([[ONNX, inferenceGraph(loaded.model)]]);
  return new Map([...writing].map(([name, model]) => [`onnx/${name}.onnx`, inferenceGraph(model)]));
}

/** What a folder is written from. */
export interface ExportRequest extends WriteOnnxOptions {
  /** ONNX graphs by file. */
  readonly graphs: ReadonlyMap<string, Model>;
  readonly dtypes: readonly Dtype[];
  readonly loaded: LoadedModel;
  readonly source: Pick<FetchedModel, 'folder'>;
}

/** Writes what ONNX Runtime and transformers.js run a model from: graphs, configuration, tokenizer, how to write text. */
export async function exportFolder(folder: string, request: ExportRequest): Promise<WrittenGraph[]> {
  const { graphs, dtypes, loaded, source, ...options } = request;
  await mkdir(folder, { recursive: true });
  const written = await writeGraphs(folder, graphs, dtypes, options);
  await writeJson(path.join(folder, 'config.json'), withTransformersJs(savedConfig(loaded), written));
  await copyTokenizer(source.folder, folder);
  if (writes(loaded)) await writeGenerationConfig(folder, loaded.config);
  return written;
}
