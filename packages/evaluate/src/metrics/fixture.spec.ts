import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { bleuTokenizer } from './bleu/tokenizers.js';
import type { ClassAverageOptions } from './class-average.js';
import { labelMetrics, metrics } from './metrics.js';
import { stripEnd } from './python-text.js';
import { porterStem } from './rouge/porter.js';

// Made by tools/golden/make_text_metrics.py; another file of its, with more cases, can be named in METRICS_FIXTURE.
const file = process.env.METRICS_FIXTURE ?? path.join(import.meta.dirname, '../../fixtures/metrics.json');
const fixture = JSON.parse(readFileSync(file, 'utf8'));

// biome-ignore lint/suspicious/noExplicitAny: the file is the script's own
const numbered = (cases: readonly any[]) => cases.map((value, i) => [i, value] as const);

const close = (actual: number, expected: number | null, digits = 1e-12) =>
  expected === null
    ? expect(actual).toBeNaN()
    : expect(Math.abs(actual - expected)).toBeLessThanOrEqual(digits * Math.max(1, Math.abs(expected)));
const fields = (signature: string) => signature.slice(0, signature.indexOf('|version:'));

describe.each(numbered(fixture.texts))('texts %i', (_, c) => {
  const { predictions, references } = c;

  it.each(['bleu', 'chrf', 'ter'] as const)('%s of the corpus and of each sentence, with signature', (name) => {
    const { options, score, signature, sentences } = c[name];
    const result = metrics[name](predictions, references, options);
    close((result as Record<string, unknown>)[name] as number, score);
    expect(fields(result.signature)).toBe(fields(signature));
    for (const [i, sentence] of sentences.entries()) {
      const own = metrics[name]([predictions[i]], [references[i]], options) as Record<string, unknown>;
      close(own[name] as number, sentence);
    }
  });

  it('tokens, ROUGE and exact match', () => {
    for (const [name, tokens] of Object.entries(c.tokens))
      expect(bleuTokenizer(name)(stripEnd(predictions[0]))).toBe(tokens);
    for (const stemmer of [false, true]) {
      const { signature, ...values } = metrics.rouge(predictions, references, { stemmer });
      for (const [key, value] of Object.entries(values)) close(value, c.rouge[stemmer ? 'stemmer' : 'plain'][key]);
      expect(signature).toContain(stemmer ? 'stem:porter-nltk' : 'stem:no');
    }
    for (const match of c.exactMatch) {
      const single = match.references.map((reference: string) => [reference]);
      close(metrics.exactMatch(match.predictions, single, match.options).exact_match, match.exact_match);
    }
  });
});

it.each(numbered(fixture.labels))('labels %i: averages, weights, absent classes, 0 / 0', (_, c) => {
  const weights = c.weights === null ? {} : { sampleWeight: c.weights };
  close(metrics.accuracy(c.predictions, c.references, weights).accuracy, c.accuracy);
  close(metrics.accuracy(c.predictions, c.references, { ...weights, normalize: false }).accuracy, c.correct);
  close(metrics.matthewsCorrelation(c.predictions, c.references, weights).matthews_correlation, c.matthews);
  for (const { average, labels, positiveLabel, ...expected } of c.averages) {
    const options: ClassAverageOptions = {
      average,
      positiveLabel,
      zeroDivision: c.zeroDivision ?? Number.NaN,
      ...weights,
      ...(labels && { labels }),
    };
    close(metrics.f1(c.predictions, c.references, options).f1, expected.f1);
    close(metrics.precision(c.predictions, c.references, options).precision, expected.precision);
    close(metrics.recall(c.predictions, c.references, options).recall, expected.recall);
  }
});

it.each(numbered(fixture.correlations))('correlation %i with its p-value', (_, c) => {
  for (const [name, key] of [
    ['pearson', 'pearson'],
    ['spearman', 'spearmanr'],
  ] as const) {
    const result = labelMetrics[name](c.predictions, c.references, { pValue: true }) as Record<string, number>;
    close(result[key]!, c[name]);
    // Beside 1 the p-value hangs on the last bit of the correlation.
    close(result['p-value']!, c[`${name}P`], Math.abs(c[name]) > 1 - 1e-12 ? 1e-6 : 1e-10);
  }
});

it('stems words as NLTK does', () => {
  const words = Object.keys(fixture.stems);
  expect(Object.fromEntries(words.map((word) => [word, porterStem(word)]))).toEqual(fixture.stems);
});
