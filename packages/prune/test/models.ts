import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type LoadedModel, loadModel } from '@neuroprune/models';
import { float32, type Model } from '@neuroprune/onnx';
import { type Batch, createInference, inputTensor } from '@neuroprune/runtime';
import { onTestFinished } from 'vitest';
import { type PrunableLayer, prunableLayers } from '../src/index.js';

const root = path.resolve(import.meta.dirname, '../../..');

/** The small pretrained BERT that comes with the repository. */
export const micro = path.join(root, 'fixtures/hub/models/neuroprune/bert-micro-uncased');

/** A random BERT of a few thousand weights, beside the repository. */
export const tiny = path.resolve(root, '../shared/hub/models/tiny-random/bert');

/** Whether that one is there. */
export const hasTiny = existsSync(tiny);

/** A model with arrays of its own, and its prunable layers as views into them. */
export interface Planted {
  readonly loaded: LoadedModel;
  readonly layers: PrunableLayer[];
}

/** Loads a model to plant structure in; biases, zero in a fresh model, get values that show. */
export async function planted(folder: string): Promise<Planted> {
  const loaded = await loadModel(folder, { head: { numLabels: 2 } });
  const tensors = new Map([...loaded.tensors].map(([name, t]) => [name, float32(t.data.slice(), t.dims)]));
  for (const [name, { data }] of tensors)
    if (name.endsWith('.bias')) for (let i = 0; i < data.length; i++) data[i]! += Math.sin(i + name.length) / 5;
  return { loaded: { ...loaded, tensors }, layers: prunableLayers(loaded.prunable, tensors) };
}

/** Batches of rows of different lengths; the last row of the last is filler. */
export function batches(vocabulary: number, shapes: readonly (readonly [rows: number, length: number])[]): Batch[] {
  return shapes.map(([rows, length], b) => {
    const real = Array.from({ length: rows }, (_, r) => Math.max(1, length - ((3 * r + b) % length)));
    const cells = (value: (r: number, i: number) => number) =>
      Int32Array.from({ length: rows * length }, (_, i) => {
        const [r, at] = [Math.floor(i / length), i % length];
        return at < real[r]! ? value(r, at) : 0;
      });
    return {
      rows,
      length,
      inputs: {
        input_ids: cells((r, i) => 1 + ((31 * r + 7 * i + 11 * b) % (vocabulary - 1))),
        attention_mask: cells(() => 1),
        token_type_ids: cells((r, i) => Number(i >= real[r]! / 2)),
      },
      labels: new Int32Array(rows),
      weights: Float32Array.from({ length: rows }, (_, r) => (b === shapes.length - 1 && r === rows - 1 ? 0 : 1)),
      tokens: real.reduce((a, n) => a + n, 0),
    };
  });
}

/** Logits of all batches in ONNX Runtime, filler rows included. */
export async function logitsOf(model: Model, given: readonly Batch[]): Promise<number[]> {
  await using session = await createInference(model, { threads: 1 });
  const all: number[] = [];
  for (const { inputs, rows, length } of given) {
    const feeds = Object.entries(inputs).map(([name, v]) => [name, inputTensor('int64', v, [rows, length])] as const);
    all.push(...((await session.run(new Map(feeds), ['logits'])).get('logits')!.data as Float32Array));
  }
  return all;
}

/** Largest absolute difference; infinite where anything is no number. */
export function difference(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return Infinity;
  return a.reduce((max, x, i) => (Math.abs(x - b[i]!) <= max ? max : Math.abs(x - b[i]!) || Infinity), 0);
}

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'prune-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
