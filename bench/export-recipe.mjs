// Writes a whole recipe for PyTorch: the model folder with its head, every step's batch, and the validation rows.
// usage: node bench/export-recipe.mjs MODEL_FOLDER GLUE_FOLDER TASK SEED OUT_FOLDER
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  encode,
  epochBatches,
  evaluationBatches,
  loadTokenizer,
  outputCount,
  resolveTasks,
} from '@neuroprune/evaluate';
import { readParquet } from '@neuroprune/hub';
import { loadModel, saveModel } from '@neuroprune/models';

const [model, glue, name, seedText, out] = process.argv.slice(2);
const seed = Number(seedText);
const [task] = resolveTasks(name);
const { recipe } = task;
const tokenizer = await loadTokenizer(model);
const rows = async (split) =>
  encode(
    tokenizer,
    await readParquet(path.join(glue, task.dataset.config, `${split}-00000-of-00001.parquet`)),
    task,
    recipe.maxLength,
  );
const plain = ({ rows, length, inputs, labels, weights }) => ({
  rows,
  length,
  inputs: Object.fromEntries(Object.entries(inputs).map(([key, values]) => [key, [...values]])),
  labels: [...labels],
  weights: [...weights],
});

await mkdir(path.join(out, 'model'), { recursive: true });
await saveModel(path.join(out, 'model'), await loadModel(model, { head: { numLabels: outputCount(task) }, seed }));
const train = await rows('train');
const epochs = Array.from({ length: recipe.epochs }, (_, epoch) => [
  ...epochBatches(train, { batchSize: recipe.batchSize, seed, epoch }),
]);
const validation = Array.from(evaluationBatches(await rows('validation'), recipe.batchSize), ({ batch }) => batch);
await writeFile(
  path.join(out, 'recipe.json'),
  JSON.stringify({ recipe, seed, batches: epochs.flat().map(plain), validation: validation.map(plain) }),
);
