import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { metrics } from './metrics/metrics.js';
import { glue, outputCount, resolveTasks, type Task, type TaskName, tasks } from './tasks.js';

const card = path.resolve(import.meta.dirname, '../../../../shared/hub/datasets/nyu-mll/glue/README.md');
const rows: [TaskName, Task][] = glue.map((name) => [name, tasks[name]]);

// The features block of one configuration in the data set card's front matter, as "name: kind" and class names by index.
function features(name: string) {
  const block = readFileSync(card, 'utf8')
    .split('- config_name: ')
    .find((part) => part.startsWith(`${name}\n  features`))!;
  return {
    strings: [...block.matchAll(/- name: (\w+)\n\s+dtype: string/g)].map((match) => match[1]),
    classes: [...block.matchAll(/'\d+': (\w+)/g)].map((match) => match[1]),
  };
}

describe.each(rows)('%s', (name, task) => {
  it('agrees with itself', () => {
    expect(task.name).toBe(name);
    expect(task.dataset).toEqual({ id: 'nyu-mll/glue', config: name, revision: 'main' });
    expect([task.version, task.direction]).toEqual([1, 'higher']);
    const keys = task.metrics.flatMap((metric) => Object.keys(metrics[metric]([1, 2], [1, 2])));
    expect(keys).toContain(task.mainMetric);
    expect(outputCount(task)).toBe(task.labels === 'score' ? 1 : task.labels.length);
  });

  it.skipIf(!existsSync(card))(
    'has the columns and class names of the data set card (skipped without ../shared/hub)',
    () => {
      const { strings, classes } = features(name);
      expect([...task.sentences]).toEqual(strings);
      expect(task.labels === 'score' ? [] : [...task.labels]).toEqual(classes);
    },
  );
});

it('the recipes are those of the contract', () => {
  const own = Object.fromEntries(rows.map(([name, { recipe }]) => [name, [recipe.epochs, recipe.learningRate]]));
  expect(own).toEqual({
    cola: [6, 8e-5],
    sst2: [1, 1e-4],
    mrpc: [8, 1e-4],
    stsb: [6, 2e-4],
    rte: [8, 6e-5],
    qqp: [3, 1e-4],
    mnli: [3, 1e-4],
    qnli: [3, 1e-4],
    wnli: [3, 1e-4],
  });
  for (const [, { recipe }] of rows) {
    const { epochs: _, learningRate: __, ...common } = recipe;
    expect(common).toEqual({
      batchSize: 32,
      maxLength: 128,
      weightDecay: 0.01,
      warmup: 0.06,
      dropout: 0.1,
      schedule: 'linear',
    });
  }
});

describe('resolveTasks', () => {
  it.each([
    ['mrpc', ['mrpc']],
    ['sst2, mrpc,sst2', ['sst2', 'mrpc']],
    ['glue', ['cola', 'sst2', 'mrpc', 'stsb', 'qqp', 'mnli', 'qnli', 'rte', 'wnli']],
    ['rte,glue', ['rte', 'cola', 'sst2', 'mrpc', 'stsb', 'qqp', 'mnli', 'qnli', 'wnli']],
  ])('%s', (list, expected) => {
    expect(resolveTasks(list).map((task) => task.name)).toEqual(expected);
  });

  it.each(['', 'sst-2', 'toString', 'mrpc,'])('refuses %j', (list) => {
    expect(() => resolveTasks(list)).toThrow(/^task '.*': expected one of cola, sst2/);
  });
});
