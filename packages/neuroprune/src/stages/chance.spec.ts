import { expect, test } from 'vitest';
import { belowChance } from './chance.js';

/** Rows of each class as labelled, of which a share is predicted right and the rest as the next class. */
function rows(counts: readonly number[], right: number) {
  return counts.flatMap((count, label) =>
    Array.from({ length: count }, (_, i) => ({
      label,
      prediction: i < right * count ? label : (label + 1) % counts.length,
    })),
  );
}

const two = { name: 'sst2', labels: ['negative', 'positive'] } as const;
const three = { name: 'mnli', labels: ['entailment', 'neutral', 'contradiction'] } as const;
const config = { id2label: { 1: 'negative', 0: 'positive' } };

test.each<[string, Parameters<typeof belowChance>[0], ReturnType<typeof rows>, boolean]>([
  ['a good model', two, rows([428, 444], 0.9), false],
  ['a good model with its classes the other way round', two, rows([428, 444], 0.1), true],
  ['a model that knows nothing', two, rows([428, 444], 0.5), false],
  ['a little less than chance, by bad luck', two, rows([428, 444], 0.46), false],
  ['more than bad luck', two, rows([428, 444], 0.4), true],
  ['the same in few rows', two, rows([21, 22], 0.4), false],
  ['a model that always says the rarest class', two, [...rows([279], 0), ...rows([0, 129], 1)], false],
  ['less than that', two, rows([279, 129], 0.15), true],
  ['a third of three classes', three, rows([100, 100, 100], 0.33), false],
  ['three classes in another order', three, rows([100, 100, 100], 0.1), true],
  ['scores', { name: 'stsb', labels: 'score' }, rows([100], 0), false],
  ['no rows', two, [], false],
  ['rows without labels', two, rows([100, 100], 0).map((row) => ({ ...row, label: Number.NaN })), false],
])('%s', (_, task, predictions, warned) => {
  expect(belowChance(task, predictions, config) !== undefined).toBe(warned);
});

test('says what the two orders are', () => {
  expect(belowChance(two, rows([50, 50], 0.1), config)).toBe(
    "sst2: expected an accuracy of at least 50.0 %, which chance reaches, got 10.0 % of 100 rows; the classes seem to be in another order: the rows have 0 negative, 1 positive, the model's id2label says 0 positive, 1 negative",
  );
  expect(belowChance(two, rows([50, 50], 0.1), undefined)).toContain("the model's id2label says nothing");
});
