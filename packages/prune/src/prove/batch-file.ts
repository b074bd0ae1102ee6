import { readSafetensors, writeSafetensors } from '@neuroprune/models';
import { type Tensor, tensor } from '@neuroprune/onnx';
import type { Batch } from '@neuroprune/runtime';
import { PruneError } from '../errors.js';

/** What a forward pass needs of a batch; an input may have rows of another length than the batch's own. */
export type TokenBatch = Pick<Batch, 'rows' | 'length' | 'inputs' | 'weights'>;

const nameOf = (batch: number, part: string) => `${batch}.${part}`;

/** Writes batches to a safetensors file: `<i>.<input>` int32 [rows, tokens], `<i>.weights` float32 [rows]. */
export async function writeBatches(file: string, batches: readonly TokenBatch[]): Promise<void> {
  const tensors = new Map<string, Tensor>();
  for (const [i, { rows, inputs, weights }] of batches.entries()) {
    tensors.set(nameOf(i, 'weights'), tensor('float32', [rows], weights));
    for (const [name, values] of Object.entries(inputs))
      tensors.set(nameOf(i, name), tensor('int32', [rows, values.length / rows], values));
  }
  await writeSafetensors(file, tensors);
}

/** Reads what `writeBatches` wrote, in the same order. */
export async function readBatches(file: string): Promise<TokenBatch[]> {
  const parts = new Map<number, Map<string, Tensor>>();
  for (const [name, t] of await readSafetensors(file)) {
    const dot = name.indexOf('.');
    const batch = Number(name.slice(0, dot));
    parts.set(batch, (parts.get(batch) ?? new Map()).set(name.slice(dot + 1), t));
  }
  return Array.from({ length: parts.size }, (_, i) => batchOf(parts.get(i) ?? new Map()));
}

function batchOf(parts: ReadonlyMap<string, Tensor>): TokenBatch {
  const inputs = [...parts].filter(([name]) => name !== 'weights');
  const [rows = 0, length = 0] = (parts.get('input_ids') ?? inputs[0]?.[1])?.dims ?? [];
  const weights = parts.get('weights')?.data;
  if (!(weights instanceof Float32Array)) throw new PruneError('internal: proof: expected weights in every batch');
  return { rows, length, weights, inputs: Object.fromEntries(inputs.map(([name, t]) => [name, t.data as Int32Array])) };
}
