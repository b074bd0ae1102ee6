import { expect, test } from 'vitest';
import { withTrueLabels } from './inputs.js';

const id2label = { 0: 'LABEL_0', 1: 'LABEL_1', 2: 'LABEL_2' };

test.each([
  ['a class for sequences', ['BartForSequenceClassification'], id2label],
  ['no class', undefined, id2label],
  ['another class', ['BartForConditionalGeneration'], undefined],
  ['a bare model', ['BartModel'], undefined],
])('labels of a configuration that names %s', (_, architectures, expected) => {
  expect(withTrueLabels({ architectures, id2label, d_model: 8 })).toEqual({
    architectures,
    id2label: expected,
    d_model: 8,
  });
});
