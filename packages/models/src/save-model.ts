import { join } from 'node:path';
import type { Tensor } from '@neuroprune/onnx';
import type { ModelConfig } from './architecture.js';
import type { Head } from './head.js';
import { architectureOf } from './registry.js';
import { writeSafetensors } from './safetensors/write.js';
import { writeFileAtomic } from './write-file.js';

/** What is saved. */
export interface SaveRequest {
  readonly config: ModelConfig;
  readonly head: Head;
  /** Every parameter in its dense shape, by standard name. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** Says nothing about the saved weights, or something that is no longer so. */
const stale = ['_name_or_path', 'transformers_version', 'dtype', 'num_labels', '_num_labels'];

/** The `config.json` of a sequence classifier as transformers writes it, from the configuration it was trained from. */
export function savedConfig({ config, head }: Pick<SaveRequest, 'config' | 'head'>): Record<string, unknown> {
  const kept = Object.entries(config).filter(([key]) => !stale.includes(key));
  return {
    ...Object.fromEntries(kept),
    architectures: [architectureOf(config).className],
    id2label: Object.fromEntries(head.id2label.map((name, i) => [i, name])),
    label2id: Object.fromEntries(head.id2label.map((name, i) => [name, i])),
    problem_type: head.problemType,
    torch_dtype: 'float32',
  };
}

/** Writes `config.json` and `model.safetensors` so that stock transformers loads the folder; each file whole or not at all. */
export async function saveModel(folder: string, request: SaveRequest): Promise<void> {
  await writeSafetensors(join(folder, 'model.safetensors'), request.tensors);
  await writeFileAtomic(join(folder, 'config.json'), [`${JSON.stringify(savedConfig(request), null, 2)}\n`]);
}
