import path from 'node:path';
import { loadModel } from '@neuroprune/models';
import type { Model } from '@neuroprune/onnx';
import { createInference, inputTensor } from '@neuroprune/runtime';
import { inferenceGraph } from '../compact/inference-graph.js';
import { PruneError } from '../errors.js';
import { readBatches, type TokenBatch } from './batch-file.js';

/** What the proof's process is asked. */
export interface Comparison {
  /** A published folder: `config.json`, `model.safetensors`, `onnx/model.onnx`. */
  readonly folder: string;
  /** File of the rows to run. */
  readonly batches: string;
  readonly threads?: number;
}

/** What it found. */
export interface Compared {
  readonly examples: number;
  /** Over all logits of all examples; infinite where one is no number. */
  readonly maxAbsDifference: number;
  /** Logits of `onnx/model.onnx`, a row an example, filler rows left out. */
  readonly logits: Float32Array;
}

/** What its process sends back, once. */
export type ProofAnswer = Compared | { readonly error: string; readonly kind: 'input' | 'job' };

/** Runs the masked model, rebuilt from the safetensors, and the compacted ONNX model over the same rows. */
export async function compare({ folder, batches: file, threads }: Comparison): Promise<Compared> {
  const batches = await readBatches(file);
  const dense = await loadModel(folder);
  if (dense.fresh.length > 0)
    throw new PruneError(`proof: model.safetensors: expected every parameter, got none for ${dense.fresh.join(', ')}`);
  const inputs = dense.model.graph.inputs.map(({ name }) => name);
  const options = threads === undefined ? {} : { threads };
  const run = (model: Model | string) => logitsOf(model, batches, inputs, options);
  const expected = await run(inferenceGraph(dense.model));
  const logits = await run(path.join(folder, 'onnx/model.onnx'));
  const examples = logits.length / dense.head.numLabels;
  return { examples, maxAbsDifference: maxAbsDifference(logits, expected), logits };
}

async function logitsOf(
  model: Model | string,
  batches: readonly TokenBatch[],
  inputs: readonly string[],
  options: { readonly threads?: number },
): Promise<Float32Array> {
  await using session = await createInference(model, options);
  const rows: Float32Array[] = [];
  for (const batch of batches) {
    const dims = [batch.rows, batch.length];
    const given = inputs.map((name) => [name, inputTensor('int64', batch.inputs[name]!, dims)] as const);
    const logits = (await session.run(new Map(given), ['logits'])).get('logits')?.data;
    if (!(logits instanceof Float32Array)) throw new PruneError('proof: expected float32 logits, got another type');
    const labels = logits.length / batch.rows;
    for (let r = 0; r < batch.rows; r++)
      if (batch.weights[r] !== 0) rows.push(logits.subarray(r * labels, (r + 1) * labels));
  }
  return joined(rows);
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function maxAbsDifference(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length)
    throw new PruneError(`proof: expected ${expected.length} logits, got ${actual.length} (onnx/model.onnx)`);
  let max = 0;
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
    max = Math.max(max, difference);
  }
  return max;
}
