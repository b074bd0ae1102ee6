// What is measured: real batches of a task with its own recipe, or a shape; and how many steps make one measurement.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { shapes } from './shapes.mjs';

const root = path.resolve(fileURLToPath(import.meta.url), '../..');
const hub = { repository: path.join(root, 'fixtures/hub'), shared: path.resolve(root, '../shared/hub') };

/** `model` and `data` are folders in Hub layout; `lr` overrides the task's. */
export const cases = {
  'bert-micro': {
    model: path.join(hub.repository, 'models/neuroprune/bert-micro-uncased'),
    data: path.join(hub.repository, 'datasets/nyu-mll/glue'),
    task: 'sst2',
    lr: 4e-4,
    warmup: 20,
    steps: 120,
  },
  minilm: {
    model: path.join(hub.shared, 'models/sentence-transformers/all-MiniLM-L6-v2'),
    data: path.join(hub.shared, 'datasets/nyu-mll/glue'),
    task: 'mrpc',
    warmup: 4,
    steps: 24,
  },
};

/** What shapes are trained by. */
export const shapeRecipe = { lr: 1e-4, weightDecay: 0.01, dropout: 0.1 };

/** The case of a name; undefined where its files are not there. */
export async function caseOf(name) {
  if (shapes[name]) return { ...shapes[name], shape: shapes[name], warmup: 8, steps: 24, recipe: shapeRecipe };
  const found = cases[name];
  const all = [...Object.keys(cases), ...Object.keys(shapes)];
  if (!found) throw new Error(`case: expected one of ${all.join(', ')}, got ${name}`);
  if (!existsSync(found.model) || !existsSync(found.data)) return undefined;
  const { tasks } = await import('@neuroprune/evaluate'); // shapes do without its tokenizers
  const task = tasks[found.task];
  const { weightDecay, dropout, learningRate } = task.recipe;
  const recipe = { lr: found.lr ?? learningRate, weightDecay, dropout };
  return { ...found, task, lr: recipe.lr, kind: 'classes', title: `${name}, ${task.name}`, recipe };
}
