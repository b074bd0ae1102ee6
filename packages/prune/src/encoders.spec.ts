import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { saveModel } from '@neuroprune/models';
import { saveModel as saveOnnx, type Tensor } from '@neuroprune/onnx';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../test/models.js';
import { tinyBatches } from '../test/tiny-bert.js';
import { tinyEncoder, tinyEncoders } from '../test/tiny-encoders.js';
import { compact } from './compact/compact.js';
import { countWeights, countZeros, matricesOf } from './layer.js';
import type { ThresholdMethod } from './method.js';
import { prove } from './prove.js';
import { prunableLayers } from './prunable-layer.js';
import { structureOf } from './structure.js';
import { train } from './train/train.js';

const method: ThresholdMethod = {
  name: 'neuroprune',
  solver: 'threshold',
  sparsity: 0.7,
  heads: 3,
  outGrouping: 'joint',
  gamma: 1,
};

test.each(tinyEncoders)('%s: trained for 20 steps, pruned, compacted, and proved from its files', async (type) => {
  const { model, config, head, prunable } = tinyEncoder(type);
  const result = await train({
    model,
    loss: 'crossEntropy',
    groups: prunable,
    method,
    batches: () => tinyBatches(),
    epochs: 5,
    maxSteps: 20,
    lr: 3e-3,
    schedule: 'linear',
    warmup: 0.1,
    weightDecay: 0.01,
    dropout: 0.1,
    seed: 0,
    session: { threads: 1 },
    maxLength: 16,
  });
  const tensors = result.tensors as Map<string, Tensor<'float32'>>;
  const shape = structureOf(prunableLayers(prunable, tensors), result.removals);
  expect(result.steps).toBe(20);
  expect(shape.reduce((sum, layer) => sum + layer.heads, 0)).toBe(3);
  const matrices = matricesOf(prunableLayers(prunable, tensors));
  expect(countZeros(matrices)).toBe(Math.round(0.7 * countWeights(matrices)));

  const small = await compact({ config, tensors, head, prunable });
  expect(small.structure.map(({ heads }) => heads)).toEqual(shape.map(({ heads }) => heads));
  expect(small.parameters.compact).toBeLessThan(small.parameters.dense);

  const folder = await temporaryFolder();
  await mkdir(path.join(folder, 'onnx'));
  await saveModel(folder, { config, head, tensors });
  await saveOnnx(small.model, path.join(folder, 'onnx/model.onnx'));
  const { ok, examples, maxAbsDifference } = await prove({ folder, batches: tinyBatches(), threads: 1 });
  expect({ ok, examples }).toEqual({ ok: true, examples: 31 });
  expect(maxAbsDifference).toBeLessThanOrEqual(1e-5);
});
