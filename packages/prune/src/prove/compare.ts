import { loadModel } from '@neuroprune/models';
import type { Tensor } from '@neuroprune/onnx';
import { inferenceGraph } from '../compact/inference-graph.js';
import { PruneError } from '../errors.js';
import { readBatches, type TokenBatch } from './batch-file.js';
import { openGraph, openPublished } from './published.js';

/** What the proof's process is asked. */
export interface Comparison {
  /** A published folder: `config.json`, `model.safetensors`, and `onnx/model.onnx` or the two files of an encoder and its decoder. */
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
  /** Logits of `onnx/model.onnx`, a row an example, filler rows left out; none of a model that writes text. */
  readonly logits: Float32Array;
}

/** What its process sends back, once. */
export type ProofAnswer = Compared | { readonly error: string; readonly kind: 'input' | 'job' };

/**
 * Runs the masked model, rebuilt from the safetensors, and the compacted ONNX files over the same rows. Of a model that writes
 * text the logits of all tokens are compared, and none are given back.
 */
export async function compare({ folder, batches: file, threads }: Comparison): Promise<Compared> {
  const batches = await readBatches(file);
  const dense = await loadModel(folder);
  if (dense.fresh.length > 0)
    throw new PruneError(`proof: model.safetensors: expected every parameter, got none for ${dense.fresh.join(', ')}`);
  const options = threads === undefined ? {} : { threads };
  await using masked = await openGraph(inferenceGraph(dense.model), options);
  await using compacted = await openPublished(folder, options);
  const ofTokens = dense.task !== 'sequence-classification';
  const kept: Float32Array[] = [];
  let [examples, max] = [0, 0];
  for (const batch of batches) {
    const [expected, actual] = [
      rowsOf(batch, await masked.logits(batch)),
      rowsOf(batch, await compacted.logits(batch)),
    ];
    if (actual.length !== expected.length || actual[0]?.length !== expected[0]?.length)
      throw new PruneError(`proof: expected ${expected[0]?.length} logits a row, got ${actual[0]?.length} (onnx)`);
    for (const [i, row] of actual.entries()) max = Math.max(max, maxAbsDifference(row, expected[i]!));
    examples += actual.length;
    if (!ofTokens) kept.push(...actual);
  }
  return { examples, maxAbsDifference: max, logits: joined(kept) };
}

/** The logits of each row that counts. */
function rowsOf({ rows, weights }: TokenBatch, { data }: Tensor): Float32Array[] {
  if (!(data instanceof Float32Array)) throw new PruneError('proof: expected float32 logits, got another type');
  const each = data.length / rows;
  return Array.from({ length: rows }, (_, r) => r)
    .filter((r) => weights[r] !== 0)
    .map((r) => data.subarray(r * each, (r + 1) * each));
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

/** Infinite where anything is no number. */
function maxAbsDifference(actual: Float32Array, expected: Float32Array): number {
  let max = 0;
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
    max = Math.max(max, difference);
  }
  return max;
}
