import { join } from 'node:path';
import type { Tensor } from '@neuroprune/onnx';
import type { ModelConfig, Task } from './architecture.js';
import type { Head } from './head.js';
import { saveDense } from './imported/save-dense.js';
import { architectureOf } from './registry.js';
import { writeSafetensors } from './safetensors/write.js';
import { writeFileAtomic } from './write-file.js';

/** What is saved. */
export interface SaveRequest {
  readonly config: ModelConfig;
  readonly head: Head;
  /** What the logits say; the class of a sequence when absent. */
  readonly task?: Task;
  /** Every parameter in its dense shape, by standard name. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** Says nothing about the saved weights, or something that is no longer so, such as of other ONNX files. */
const stale = ['transformers.js_config', '_name_or_path', 'transformers_version', 'dtype', 'num_labels', '_num_labels'];

/** The `config.json` of a model as transformers writes it, from the configuration it was trained from. */
export function savedConfig(request: Pick<SaveRequest, 'config' | 'head' | 'task'>): Record<string, unknown> {
  const { config, head, task = 'sequence-classification' } = request;
  const kept = Object.entries(config).filter(([key]) => !stale.includes(key));
  return {
    ...Object.fromEntries(kept),
    architectures: [architectureOf(config).classNames[task]],
    ...(task === 'sequence-classification' && { ...labelKeys(head), ...paddingKey(config) }),
    torch_dtype: 'float32',
  };
}

/** transformers finds the last token of a text, by which decoders classify, by the padding behind it; without it takes one text only. */
function paddingKey(config: ModelConfig): { readonly pad_token_id?: unknown } {
  const [end] = [config.eos_token_id].flat();
  const isNeeded = architectureOf(config).generation && (config.pad_token_id ?? null) === null;
  return isNeeded && typeof end === 'number' ? { pad_token_id: end } : {};
}

const labelKeys = (head: Head) => ({
  id2label: Object.fromEntries(head.id2label.map((name, i) => [i, name])),
  label2id: Object.fromEntries(head.id2label.map((name, i) => [name, i])),
  problem_type: head.problemType,
});

/**
 * Writes `config.json` and `model.safetensors` so that stock transformers loads the folder; each file whole or not at all. A
 * model without source has its uncut graph, `dense.onnx`, beside them.
 */
export async function saveModel(folder: string, request: SaveRequest): Promise<void> {
  const { denseGraph } = architectureOf(request.config);
  // By its format transformers refuses what it would otherwise take for a checkpoint without any of its names.
  const metadata = denseGraph && { format: 'onnx' };
  await writeSafetensors(join(folder, 'model.safetensors'), request.tensors, metadata);
  if (denseGraph) await saveDense(folder, denseGraph, request.tensors);
  await writeFileAtomic(join(folder, 'config.json'), [`${JSON.stringify(savedConfig(request), null, 2)}\n`]);
}
