import { mkdir, mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readSafetensors, saveModel, writeSafetensors } from '@neuroprune/models';
import { saveModel as saveOnnx } from '@neuroprune/onnx';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { batches, logitsOf, micro, planted, temporaryFolder } from '../test/models.js';
import { clearColumns, clearRows, headBlock, range } from '../test/plant.js';
import { compact } from './compact/compact.js';
import { prove } from './prove.js';

const given = batches(8192, [
  [4, 9],
  [1, 4],
  [3, 17],
]);
const live = 'bert.encoder.layer.1.intermediate.dense.weight';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'prune-'));
  await mkdir(path.join(folder, 'onnx'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Publishes a model with dead structure in its first layer; the files are written anew for each test. */
async function publish() {
  const { loaded, layers } = await planted(micro);
  const layer = layers[0]!;
  clearRows(layer.value, headBlock(layer, 1));
  clearRows(layer.intermediate[0]!, range(0, 100));
  clearColumns(layer.contraction, range(100, 100));
  const { model } = await compact(loaded);
  await saveModel(folder, loaded);
  await saveOnnx(model, path.join(folder, 'onnx/model.onnx'));
  return model;
}

/** A number in the live part of the model, changed a little. */
function nudge(data: Float32Array): void {
  const at = data.findIndex((w) => Math.abs(w) > 1e-3);
  data[at]! += 0.5;
}

test('a compacted model is its masked one, over all rows that count', async () => {
  const model = await publish();
  const { logits, ...rest } = await prove({ folder, batches: given, threads: 1 });
  expect(rest).toEqual({ examples: 7, maxAbsDifference: expect.any(Number), ok: true });
  expect(rest.maxAbsDifference).toBeLessThanOrEqual(1e-5);
  expect([...logits]).toEqual((await logitsOf(model, given)).slice(0, -2));
});

test('one weight changed in model.safetensors', async () => {
  await publish();
  const file = path.join(folder, 'model.safetensors');
  const tensors = await readSafetensors(file);
  nudge(tensors.get(live)!.data as Float32Array);
  await writeSafetensors(file, tensors);
  const { ok, maxAbsDifference } = await prove({ folder, batches: given });
  expect(ok).toBe(false);
  expect(maxAbsDifference).toBeGreaterThan(1e-4);
});

test.each([
  ['one weight changed', (data: Float32Array) => nudge(data), (off: number) => off > 1e-4 && off < Infinity],
  [
    'a weight that is no number',
    (data: Float32Array) => data.fill(Number.NaN, 0, 1),
    (off: number) => off === Infinity,
  ],
])('%s in onnx/model.onnx', async (_, change, expected) => {
  const model = await publish();
  change(model.graph.initializers.find(({ name }) => name === live)!.tensor!.data as Float32Array);
  await saveOnnx(model, path.join(folder, 'onnx/model.onnx'));
  const { ok, maxAbsDifference } = await prove({ folder, batches: given });
  expect([ok, expected(maxAbsDifference)]).toEqual([false, true]);
});

test.each([
  ['a truncated model', 'onnx/model.onnx', 'job', /^prune: proof: runtime: .*model\.onnx/],
  ['a truncated safetensors file', 'model.safetensors', 'input', /^prune: proof: models: .*model\.safetensors/],
])('%s', async (_, file, kind, message) => {
  await publish();
  await truncate(path.join(folder, file), 5000);
  await expect(prove({ folder, batches: given })).rejects.toMatchObject({
    kind,
    message: expect.stringMatching(message),
  });
});

test('no rows prove nothing', async () => {
  const filler = given.map((batch) => ({ ...batch, weights: batch.weights.map(() => 0) }));
  await expect(prove({ folder, batches: filler })).rejects.toThrow('proof: expected at least one example, got none');
});

test('an abort ends it, and leaves no files', async () => {
  await publish();
  const temporary = await temporaryFolder();
  vi.stubEnv('TMPDIR', temporary);
  onTestFinished(() => void vi.unstubAllEnvs());
  const controller = new AbortController();
  const running = prove({ folder, batches: given, signal: controller.signal });
  setTimeout(() => controller.abort(new Error('enough')), 100);
  await expect(running).rejects.toThrow('enough');
  expect(await readdir(temporary)).toEqual([]);
  await expect(prove({ folder, batches: given, signal: controller.signal })).rejects.toThrow('enough');
});
