import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { bleuScore } from './bleu/bleu.js';
import { bleuTokenizer } from './bleu/tokenizers.js';
import { metrics } from './metrics.js';
import { porterStem } from './rouge/porter.js';
import { rougeScore } from './rouge/rouge.js';
import { rougeTokens } from './rouge/tokenize.js';

const folder = path.resolve(import.meta.dirname, '../../../../../shared/golden/metrics');
const there = existsSync(folder);
const read = (name: string) => (there ? JSON.parse(readFileSync(path.join(folder, name), 'utf8')) : undefined);

const camel = (options: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(options).map(([key, value]) => [key.replace(/_(.)/g, (_, letter) => letter.toUpperCase()), value]),
  );
const close = (actual: number, expected: number) =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(expected)));
const fields = (signature: string) => signature.slice(0, signature.indexOf('|version:'));
const named = (cases: readonly { name: string }[] = []) => cases.map((c) => [c.name, c] as const);

describe.skipIf(!there)('against sacreBLEU (skipped without ../shared/golden)', () => {
  const golden = read('bleu_chrf_ter.json');

  // biome-ignore lint/suspicious/noExplicitAny: the golden file's own form
  it.each<any>(named(golden?.corpora))('%s', (_, c) => {
    const { predictions, references } = c;
    for (const { options, score, counts, totals, precisions, bp, sys_len, ref_len, signature } of c.bleu) {
      const result = bleuScore(predictions, references, camel(options));
      close(result.score, score);
      close(metrics.bleu(predictions, references, camel(options)).bleu, score);
      close(result.brevityPenalty, bp);
      for (const [n, precision] of precisions.entries()) close(result.precisions[n]!, precision);
      const { predictionLength, referenceLength } = result;
      expect([result.counts, result.totals, predictionLength, referenceLength]).toEqual([
        counts,
        totals,
        sys_len,
        ref_len,
      ]);
      expect(fields(result.signature)).toBe(fields(signature));
    }
    for (const { options, score, signature } of c.chrf) {
      const result = metrics.chrf(predictions, references, camel(options));
      close(result.chrf, score);
      expect(fields(result.signature)).toBe(fields(signature));
    }
    for (const { options, score, signature } of c.ter) {
      const result = metrics.ter(predictions, references, camel(options));
      close(result.ter, score);
      expect(fields(result.signature)).toBe(fields(signature));
    }
    for (const i of c.sentence_bleu.keys()) {
      const one = [[predictions[i]], [references[i]]] as const;
      close(metrics.bleu(...one, { effectiveOrder: true }).bleu, c.sentence_bleu[i]);
      close(metrics.chrf(...one).chrf, c.sentence_chrf[i]);
      close(metrics.ter(...one).ter, c.sentence_ter[i]);
    }
  });

  it('tokens', () => {
    for (const { text, ...tokens } of golden.tokenized) {
      for (const [name, line] of Object.entries(tokens)) expect(bleuTokenizer(name)(text)).toBe(line);
    }
  });
});

describe.skipIf(!there)('against rouge_score (skipped without ../shared/golden)', () => {
  const golden = read('rouge.json');

  it.each(['plain', 'stemmer'] as const)('every case, %s', (kind) => {
    const stemmer = kind === 'stemmer';
    for (const { prediction, references, ...c } of golden.cases) {
      for (const [key, value] of Object.entries(rougeScore(prediction, references, { stemmer }))) {
        for (const [part, number] of Object.entries(value)) close(number as number, c[kind][key][part]);
      }
    }
    const real = golden.cases.filter(({ id }: { id: string }) => /^real-\d+$/.test(id));
    const means = metrics.rouge(
      real.map((c: { prediction: string }) => c.prediction),
      real.map((c: { references: string[] }) => c.references),
      { stemmer },
    );
    for (const key of ['rouge1', 'rouge2', 'rougeL', 'rougeLsum'] as const) {
      close(means[key], golden.corpus_mean_over_real_cases[kind][key].fmeasure);
    }
  });

  it('tokens and stems', () => {
    for (const { text, plain, stemmer } of golden.tokens) {
      expect([rougeTokens(text, false), rougeTokens(text, true)]).toEqual([plain, stemmer]);
    }
    for (const [word, stem] of Object.entries(golden.porter_stems))
      expect([word, porterStem(word)]).toEqual([word, stem]);
  });
});
