import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { metrics } from '../metrics/metrics.js';
import { stream } from '../random.js';
import { confidenceIntervals, everyPosition } from './confidence.js';
import { pairedTest } from './paired.js';
import { resampler } from './resampler.js';
import { quantile, spread } from './spread.js';

const fixture = JSON.parse(readFileSync(path.join(import.meta.dirname, '../../fixtures/metrics.json'), 'utf8'));

// Two estimates of a p-value from n draws each differ by less, but once in fifteen thousand times.
const monteCarlo = (p: number, n: number) => 4 * Math.sqrt((2 * p * (1 - p)) / n) + 2 / n;

const bits = (n: number, seed: number, share: number): number[] => {
  const below = stream(seed);
  return Array.from({ length: n }, () => (below(1000) < 1000 * share ? 1 : 0));
};

describe('beside sacreBLEU', () => {
  it.each([0, 1])('paired tests of BLEU, chrF and TER, systems %i', (i) => {
    const { references, baseline, system, ...expected } = fixture.paired[i];
    for (const [kind, method] of [
      ['ar', 'randomization'],
      ['bs', 'bootstrap'],
    ] as const) {
      for (const metric of ['bleu', 'chrf', 'ter'] as const) {
        const theirs = expected[kind][metric];
        const result = pairedTest({ metric, baseline, system, references }, { method, samples: 10_000, strict: true });
        const ours = result.values[metric]!;
        expect(ours.baseline).toBeCloseTo(theirs.baseline, 9);
        expect(ours.system).toBeCloseTo(theirs.system, 9);
        expect(Math.abs(ours.pValue - theirs.pValue)).toBeLessThan(monteCarlo(theirs.pValue, 10_000));
        expect(result.signature!.replace(/\|version.*/, '')).toBe(theirs.signature.replace(/\|version.*/, ''));
        if (method === 'bootstrap') {
          const { low, high, mean, standardError } = ours.intervals!.system;
          expect(Math.abs(mean - theirs.mean)).toBeLessThan((4 * Math.SQRT2 * standardError) / 100);
          expect(Math.abs((high - low) / 2 / theirs.ci - 1)).toBeLessThan(0.05);
        }
      }
    }
  });
});

describe('paired tests', () => {
  // All 2^n ways to share out the differing examples, counted.
  function exactRandomization(a: readonly number[], b: readonly number[], labels: readonly number[]) {
    const right = (p: readonly number[]) => labels.filter((label, i) => p[i] === label).length;
    const gaps = Array.from({ length: 2 ** labels.length }, (_, mask) => {
      const mixed = labels.map((_, i) => ((mask >> i) & 1 ? b[i]! : a[i]!));
      const other = labels.map((_, i) => ((mask >> i) & 1 ? a[i]! : b[i]!));
      return Math.abs(right(mixed) - right(other));
    });
    return gaps.filter((gap) => gap >= Math.abs(right(a) - right(b))).length / gaps.length;
  }

  it.each([1, 2, 3, 4])('randomization of an accuracy gives the share of all shuffles, seed %i', (seed) => {
    const labels = bits(12, seed, 0.5);
    const [a, b] = [bits(12, seed + 10, 0.5), labels.map((label, i) => (i % 5 === 0 ? 1 - label : label))];
    const exact = exactRandomization(a, b, labels);
    const test = pairedTest({ metric: 'accuracy', baseline: a, system: b, references: labels }, { seed });
    expect(Math.abs(test.values.accuracy!.pValue - exact)).toBeLessThan(monteCarlo(exact, 10_000));
    expect(test.values.accuracy!.difference).toBeCloseTo(
      metrics.accuracy(b, labels).accuracy - metrics.accuracy(a, labels).accuracy,
      12,
    );
  });

  it('ties count, unless strict', () => {
    const labels = bits(20, 1, 0.5);
    const input = {
      metric: 'accuracy',
      baseline: labels,
      system: labels.with(3, 1 - labels[3]!),
      references: labels,
    } as const;
    expect(pairedTest(input, { samples: 99 }).values.accuracy!.pValue).toBe(1);
    expect(pairedTest(input, { samples: 99, strict: true }).values.accuracy!.pValue).toBe(0.01);
    expect(pairedTest({ ...input, system: labels }, { samples: 99 }).values.accuracy!.pValue).toBe(1);
  });

  it.each(['randomization', 'bootstrap'] as const)(
    '%s keeps its level where both models are alike, finds what differs',
    (method) => {
      const labels = bits(150, 7, 0.5);
      const flip = (seed: number, share: number) => bits(150, seed, share).map((wrong, i) => labels[i]! ^ wrong);
      const p = (seed: number, shareA: number, shareB: number) =>
        pairedTest(
          { metric: 'accuracy', baseline: flip(seed, shareA), system: flip(seed + 500, shareB), references: labels },
          { method, samples: 200 },
        ).values.accuracy!.pValue;
      const seeds = Array.from({ length: 100 }, (_, i) => i);
      // 5 of 100 expected; 14 or more come once in a few thousand times.
      expect(seeds.filter((seed) => p(seed, 0.3, 0.3) <= 0.05).length).toBeLessThan(14);
      expect(seeds.slice(0, 10).every((seed) => p(seed, 0.4, 0.1) <= 0.05)).toBe(true);
    },
  );

  it('seeds repeat and differ; weights act; wrong counts are refused', () => {
    const labels = bits(60, 1, 0.5);
    const input = { metric: 'f1', baseline: bits(60, 2, 0.5), system: bits(60, 3, 0.5), references: labels } as const;
    const run = (seed: number) => pairedTest(input, { seed, samples: 300 }).values.f1!.pValue;
    expect(run(1)).toBe(run(1));
    expect(new Set([1, 2, 3, 4, 5].map(run)).size).toBeGreaterThan(1);
    const sampleWeight = labels.map((_, i) => (i < 30 ? 1 : 0));
    const weighted = pairedTest(input, { samples: 50, metric: { sampleWeight } }).values.f1!;
    expect(weighted.system).toBeCloseTo(metrics.f1(input.system.slice(0, 30), labels.slice(0, 30)).f1, 12);
    expect(() => pairedTest({ ...input, system: [1] })).toThrow(/same 60 examples, got 60 and 1/);
    expect(() => pairedTest({ ...input, baseline: [], system: [], references: [] })).toThrow(/expected examples/);
    expect(() => pairedTest(input, { samples: 0 })).toThrow(/whole number from 1 on, got 0/);
  });
});

describe('confidence intervals', () => {
  it('of an accuracy has the width of the normal approximation', () => {
    const [n, share] = [400, 0.8];
    const labels = bits(n, 1, 1);
    const { accuracy } = confidenceIntervals('accuracy', [bits(n, 2, share), labels], { samples: 4000 });
    const error = Math.sqrt((accuracy!.value * (1 - accuracy!.value)) / n);
    expect(accuracy!.standardError / error).toBeCloseTo(1, 1);
    expect((accuracy!.high - accuracy!.low) / (2 * 1.96 * error)).toBeCloseTo(1, 1);
    expect(accuracy!.samples).toBe(4000);
  });

  it('holds the true value in about 95 of 100 samples, in fewer with less confidence', () => {
    const held = (confidence: number) =>
      Array.from({ length: 100 }, (_, seed) => {
        const pairs = [bits(200, seed, 0.7), bits(200, seed, 1)] as const;
        const { low, high } = confidenceIntervals('accuracy', pairs, { samples: 200, confidence }).accuracy!;
        return low <= 0.7 && 0.7 <= high;
      }).filter(Boolean).length;
    expect(held(0.95)).toBeGreaterThan(85);
    expect(held(0.5)).toBeLessThan(75);
  });

  it('leaves out resamples without a value, and says so', () => {
    const { pearson } = confidenceIntervals(
      'pearson',
      [
        [1, 2, 3],
        [1, 3, 2],
      ],
      { samples: 500 },
    );
    expect(pearson!.samples).toBeLessThan(500);
    expect(pearson!.samples).toBeGreaterThan(300);
    expect(pearson!.low).not.toBeNaN();
    expect(confidenceIntervals('bleu', [[], []]).bleu).toMatchObject({ value: Number.NaN, samples: 0 });
  });
});

describe('resampling', () => {
  const { predictions, references } = fixture.texts.find((c: { predictions: string[] }) => c.predictions.length > 4);

  it.each(['bleu', 'chrf', 'ter', 'rouge', 'exactMatch'] as const)(
    '%s of chosen texts is that of a corpus of them',
    (name) => {
      const { size, score } = resampler(name, [predictions, references]);
      const { signature: _, ...whole } = metrics[name](predictions, references) as Record<string, unknown>;
      expect(score(everyPosition(size))).toEqual(whole);
      const chosen = Int32Array.of(3, 0, 0, 4);
      const take = <T>(list: readonly T[]) => Array.from(chosen, (i) => list[i]!);
      const { signature: __, ...values } = metrics[name](take(predictions), take(references)) as unknown as Record<
        string,
        number
      >;
      for (const [key, value] of Object.entries(score(chosen))) expect(value).toBeCloseTo(values[key]!, 9);
    },
  );

  it('spread over seeds, quantiles', () => {
    expect(spread([1, 2, 3, 4])).toMatchObject({ runs: 4, mean: 2.5, standardDeviation: Math.sqrt(5 / 3) });
    expect(spread([1, 2, 3, 4]).standardError).toBeCloseTo(Math.sqrt(5 / 12), 14);
    expect(spread([3]).standardError).toBeNaN();
    expect([0, 0.25, 0.5, 1].map((p) => quantile(Float64Array.of(1, 2, 4), p))).toEqual([1, 1.5, 2, 4]);
  });
});
