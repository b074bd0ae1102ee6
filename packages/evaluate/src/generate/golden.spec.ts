import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { hasShared, modelFolder, shared } from '../../test/shared.js';
import { openModel } from '../../test/text-model.js';
import type { GenerationSettings } from './settings.js';

const json = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
const tiny = ['bart', 'gpt2', 'llama', 'marian', 'opt', 'opt-350m-style', 'qwen2', 't5', 't5-v1_1'];

/** A gap between the best two logits below which the order is rounding's. */
const NEAR_TIE = 1e-3;

interface TinyCase {
  readonly input_ids: readonly number[];
  readonly greedy: readonly number[];
  readonly greedy_smallest_margin: number;
  readonly beam4: readonly number[];
  readonly beam4_score: number;
}

interface FixtureCase {
  readonly options: Readonly<Record<string, unknown>>;
  readonly rows: readonly (readonly number[] | null)[];
  readonly scores?: readonly number[];
}

interface FixtureModel {
  readonly model: string;
  readonly prompts: readonly (readonly number[])[];
  readonly cases: readonly FixtureCase[];
}

const fixture: { models: FixtureModel[] } = json(path.join(import.meta.dirname, '../../fixtures/generation.json'));

const camel = (options: FixtureCase['options']): GenerationSettings =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name.replace(/_(\w)/g, (_, c) => c.toUpperCase()), value]),
  );

describe.skipIf(!hasShared)('text equals PyTorch’s, token by token (skipped without ../shared)', () => {
  test.each(tiny)('tiny-random/%s, greedy and with 4 beams', async (name) => {
    await using model = await openModel(`tiny-random/${name}`);
    const { cases, max_new_tokens: maxNewTokens } = json(
      path.join(modelFolder(`tiny-random/${name}`), 'golden.json'),
    ).generate;
    for (const { input_ids, greedy, greedy_smallest_margin, beam4, beam4_score } of cases as TinyCase[]) {
      const whole = (tokens: readonly number[]) =>
        model.kind === 'causal' ? [...input_ids, ...tokens] : [model.settings.decoderStartTokenId, ...tokens];
      if (greedy_smallest_margin > NEAR_TIE) {
        const { texts } = await model.generate([input_ids], { maxNewTokens });
        expect(whole(texts[0]!.tokens)).toEqual(greedy);
      }
      const { texts } = await model.generate([input_ids], { maxNewTokens, numBeams: 4 });
      expect(whole(texts[0]!.tokens)).toEqual(beam4);
      expect(texts[0]!.score).toBeCloseTo(beam4_score, 5);
    }
  });

  test.each(fixture.models.map((one) => [one.model, one] as const))(
    '%s: a batch with each option, which changes it',
    async (id, { prompts, cases }) => {
      await using model = await openModel(id);
      const greedy = cases[0]!.rows;
      for (const { options, rows, scores } of cases) {
        if (rows !== greedy) expect(rows, JSON.stringify(options)).not.toEqual(greedy);
        expect(rows.filter((row) => row !== null).length).toBeGreaterThan(prompts.length / 2);
        const { texts } = await model.generate(prompts, camel(options));
        const clear = texts.map(({ tokens }, i) => (rows[i] ? tokens : null));
        expect(clear, JSON.stringify(options)).toEqual(rows);
        for (const [i, score] of scores?.entries() ?? [])
          if (rows[i]) expect(texts[i]!.score! / score).toBeCloseTo(1, 5);
      }
    },
  );

  test('stories260K goes on with prompts of several lengths', async () => {
    await using model = await openModel('karpathy/stories260K');
    const cases: { ids: number[] }[] = json(path.join(shared, 'golden/models/stories260K/golden.json')).greedy;
    const { texts } = await model.generate(
      cases.map(({ ids }, i) => ids.slice(0, 20 + 3 * i)), // beyond the prompts that were given
      { maxNewTokens: 30 },
    );
    expect(texts.map(({ tokens }) => tokens)).toEqual(cases.map(({ ids }, i) => ids.slice(20 + 3 * i, 50 + 3 * i)));
  });
});
