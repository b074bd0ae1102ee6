import { describe, expect, it } from 'vitest';
import { alignLabels } from './labels.js';
import { type Task, type TaskName, tasks } from './tasks.js';

const config = (names: readonly string[]) => ({ id2label: Object.fromEntries(names.map((name, i) => [i, name])) });

describe('alignLabels', () => {
  it.each<[string, TaskName, unknown]>([
    ['the names themselves', 'rte', config(['entailment', 'not_entailment'])],
    ['another way to write them', 'mrpc', config(['Not Equivalent', 'EQUIVALENT'])],
    ['generic names', 'sst2', config(['LABEL_0', 'LABEL_1'])],
    ['numbers', 'sst2', config(['0', '1'])],
    ['no names', 'sst2', { model_type: 'bert' }],
    ['null for no names', 'sst2', { id2label: null }],
    ['indices in any order of keys', 'mnli', { id2label: { 2: 'contradiction', 0: 'entailment', 1: 'neutral' } }],
    ['any one name for a score', 'stsb', config(['similarity'])],
  ])('accepts %s', (_, task, given) => {
    expect(alignLabels(tasks[task], given, 'org/model')).toBe(tasks[task]);
  });

  it.each<[string, TaskName, unknown, RegExp]>([
    [
      'names of another task',
      'sst2',
      config(['entailment', 'not_entailment']),
      /expected the labels negative, positive of sst2, got entailment, not_entailment .*use a model trained for sst2/,
    ],
    ['generic names in another order', 'sst2', config(['LABEL_1', 'LABEL_0']), /got LABEL_1, LABEL_0/],
    ['too many', 'sst2', config(['LABEL_0', 'LABEL_1', 'LABEL_2']), /got LABEL_0, LABEL_1, LABEL_2/],
    ['classes for a score', 'stsb', config(['LABEL_0', 'LABEL_1']), /expected the labels score of stsb/],
    ['names that are none', 'sst2', { id2label: { 0: 3 } }, /expected id2label as names by index/],
    ['a config that is none', 'sst2', 'bert', /expected id2label/],
  ])('refuses %s', (_, task, given, message) => {
    expect(() => alignLabels(tasks[task], given, 'org/model')).toThrow(message);
  });

  it('maps the other order by name, for labels as indices and as names', () => {
    const task = alignLabels(tasks.mnli, config(['Contradiction', 'entailment', 'NEUTRAL']), 'org/model');
    expect(task.labels).toEqual(['contradiction', 'entailment', 'neutral']);
    const index = (label: unknown) => task.classes?.[String(label)];
    expect([0, 1, 2, 'entailment', 'neutral', 'contradiction'].map(index)).toEqual([1, 2, 0, 1, 2, 0]);
  });

  const seen = (labels: readonly string[]): Task => ({
    ...tasks.sst2,
    labels,
    labelsSeen: true,
    classes: Object.fromEntries(labels.map((label, i) => [label, i])),
  });

  it('takes a model that knows more classes than were seen', () => {
    const task = alignLabels(seen(['bad', 'good']), config(['good', 'fair', 'bad']), 'org/model');
    expect([task.labels, task.classes]).toEqual([['good', 'fair', 'bad'], { bad: 2, good: 0 }]);
    const numbered = alignLabels(seen(['0', '1']), config(['good', 'fair', 'bad']), 'org/model');
    expect([numbered.labels, numbered.classes]).toEqual([['good', 'fair', 'bad'], { 0: 0, 1: 1, 2: 2 }]);
  });

  it.each([
    ['a class the model does not know', ['bad', 'odd'], ['good', 'fair', 'bad']],
    ['more classes than the model has', ['bad', 'fair', 'good'], ['bad', 'good']],
    ['more numbers than the model has', ['0', '1', '2'], ['bad', 'good']],
    ['two names alike', ['bad', 'good'], ['bad', 'good', 'Good']],
  ])('refuses %s', (_, labels, names) => {
    expect(() => alignLabels(seen(labels), config(names), 'm')).toThrow(
      `${labels.join(', ')} of sst2, got ${names.join(', ')}`,
    );
  });
});
