// Writes what both sides of a comparison read: a model folder with its head, and the batches in their order.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { loadModel, saveModel } from '@neuroprune/models';
import { prepareShape } from './shapes.mjs';

/** Fills `folder` for a case, real or a shape. */
export async function prepareCase(chosen, folder, count) {
  if (!chosen.shape) return prepare(chosen, folder, count);
  await prepareShape(chosen.shape, folder);
  return { meanLength: chosen.length };
}

/** Fills `folder` with `model/` and `batches.json`: the first `count` batches of the recipe's first epoch, repeated if need be. */
export async function prepare({ model, data, task }, folder, count) {
  const { encode, epochBatches, loadTokenizer } = await import('@neuroprune/evaluate');
  const { readParquet } = await import('@neuroprune/hub');
  const head = { numLabels: task.labels.length };
  await mkdir(path.join(folder, 'model'), { recursive: true });
  await saveModel(path.join(folder, 'model'), await loadModel(model, { head, seed: 0 }));
  const rows = await readParquet(path.join(data, task.dataset.config, 'train-00000-of-00001.parquet'));
  const encoded = encode(await loadTokenizer(model), rows, task, task.recipe.maxLength);
  const epoch = [...epochBatches(encoded, { batchSize: task.recipe.batchSize, seed: 0, epoch: 0 })];
  const batches = Array.from({ length: count }, (_, i) => epoch[i % epoch.length]);
  await writeFile(path.join(folder, 'batches.json'), JSON.stringify(batches.map(plain)));
  return { epochSteps: epoch.length, meanLength: mean(batches.map(({ length }) => length)) };
}

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

const plain = ({ rows, length, inputs, labels, weights, tokens }) => ({
  rows,
  length,
  inputs: Object.fromEntries(Object.entries(inputs).map(([name, values]) => [name, [...values]])),
  labels: [...labels],
  weights: [...weights],
  tokens,
});
