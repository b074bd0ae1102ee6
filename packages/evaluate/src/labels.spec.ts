import { describe, expect, it } from 'vitest';
import { checkLabels } from './labels.js';
import { type TaskName, tasks } from './tasks.js';

const config = (names: readonly string[]) => ({ id2label: Object.fromEntries(names.map((name, i) => [i, name])) });

describe('checkLabels', () => {
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
    expect(() => checkLabels(tasks[task], given, 'org/model')).not.toThrow();
  });

  it.each<[string, TaskName, unknown, RegExp]>([
    [
      'the other order',
      'rte',
      config(['not_entailment', 'entailment']),
      /^org\/model: expected the labels entailment, not_entailment of rte, got not_entailment, entailment .*in that order$/,
    ],
    ['names of another task', 'sst2', config(['entailment', 'not_entailment']), /use a model trained for sst2$/],
    ['generic names in another order', 'sst2', config(['LABEL_1', 'LABEL_0']), /got LABEL_1, LABEL_0/],
    ['too many', 'sst2', config(['LABEL_0', 'LABEL_1', 'LABEL_2']), /got LABEL_0, LABEL_1, LABEL_2/],
    ['classes for a score', 'stsb', config(['LABEL_0', 'LABEL_1']), /expected the labels score of stsb/],
    ['names that are none', 'sst2', { id2label: { 0: 3 } }, /expected id2label as names by index/],
    ['a config that is none', 'sst2', 'bert', /expected id2label/],
  ])('refuses %s', (_, task, given, message) => {
    expect(() => checkLabels(tasks[task], given, 'org/model')).toThrow(message);
  });
});
