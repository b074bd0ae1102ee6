// What is measured: a model, a task with its own recipe, and how many steps make one measurement.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { tasks } from '@neuroprune/evaluate';

const root = path.resolve(fileURLToPath(import.meta.url), '../..');
const hub = { repository: path.join(root, 'fixtures/hub'), shared: path.resolve(root, '../shared/hub') };

/** `model` and `data` are folders in Hub layout; `lr` overrides the task's; `chunk` is about two seconds of steps. */
export const cases = {
  'bert-micro': {
    model: path.join(hub.repository, 'models/neuroprune/bert-micro-uncased'),
    data: path.join(hub.repository, 'datasets/nyu-mll/glue'),
    task: tasks.sst2,
    lr: 4e-4,
    warmup: 20,
    steps: 120,
    chunk: 60,
  },
  minilm: {
    model: path.join(hub.shared, 'models/sentence-transformers/all-MiniLM-L6-v2'),
    data: path.join(hub.shared, 'datasets/nyu-mll/glue'),
    task: tasks.mrpc,
    lr: tasks.mrpc.recipe.learningRate,
    warmup: 4,
    steps: 24,
    chunk: 4,
  },
};

/** The case of a name; undefined where its files are not there. */
export function caseOf(name) {
  const found = cases[name];
  if (!found) throw new Error(`case: expected one of ${Object.keys(cases).join(', ')}, got ${name}`);
  return existsSync(found.model) && existsSync(found.data) ? found : undefined;
}
