/** BLEU and ROUGE of a trained T5 on Multi30k's test rows and perplexity of stories260K, beside Python: tools/golden/make_texts.py. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from '../src/api.js';
import type { VerbInput } from '../src/schema/verbs.js';
import { root, temporary } from './command.js';

const shared = path.resolve(root, '../shared/hub');
const golden = JSON.parse(readFileSync(path.join(root, 'packages/neuroprune/fixtures/texts/shared.json'), 'utf8'));
// All rows with NEUROPRUNE_CHECK=full.
const rows = process.env.NEUROPRUNE_CHECK === 'full' ? 1000 : 200;

describe.skipIf(!existsSync(shared))('trained models beside Python (skipped without ../shared/hub)', () => {
  let folder = '';
  let remove = async (): Promise<void> => {};
  beforeAll(async () => {
    ({ folder, remove } = await temporary());
  });
  afterAll(() => remove());

  const call = (options: VerbInput<'evaluate'>) =>
    evaluate({ resamples: 0, ...options }, { cwd: folder, env: { HF_HOME: path.join(folder, 'home') } });

  const beams = { numBeams: 4, lengthPenalty: 0.6, earlyStopping: 'true', noRepeatNgramSize: 3 } as const;

  it.each<['summarization' | 'translation', 'greedy' | 'beams', Partial<VerbInput<'evaluate'>>, RegExp]>([
    ['translation', 'greedy', {}, /^(bleu|chrf|ter)$/],
    ['translation', 'beams', beams, /^(bleu|chrf|ter)$/],
    ['summarization', 'greedy', {}, /^rouge/],
  ])(
    `t5-tiny-multi30k-de-en on ${rows} test rows as a %s, %s: every text, and its metrics`,
    async (task, name, search, keys) => {
      const { evaluation } = await call({
        model: path.join(shared, 'models/neuroprune-fixtures/t5-tiny-multi30k-de-en'),
        task,
        dataset: path.join(shared, 'datasets/multi30k/task1-de-en'),
        columns: ['translation.de', 'translation.en'],
        split: 'test',
        limit: rows,
        maxNewTokens: 48,
        out: `${task}-${name}`,
        ...search,
      });
      const { metrics, sha256 } = golden.translation[name][rows];
      const file = path.join(folder, `${task}-${name}/predictions/${task}.ndjson`);
      const texts = (await readFile(file, 'utf8'))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).generated);
      expect(createHash('sha256').update(texts.join('\n')).digest('hex')).toBe(sha256);
      const found = Object.entries(evaluation[0]!.metrics);
      expect(found.map(([key]) => key)).toEqual(Object.keys(metrics).filter((key) => keys.test(key)));
      for (const [key, value] of found) expect(value, key).toBeCloseTo(metrics[key], 10);
    },
    120_000,
  );

  it.each(
    golden.perplexity as { documents: 'rows'; window: number; stride: number; tokens: number; perplexity: number }[],
  )(
    'stories260K on dialogues, $documents, windows of $window every $stride',
    async ({ documents, window: maxLength, stride, tokens, perplexity }) => {
      const { evaluation } = await call({
        model: path.join(shared, 'models/karpathy/stories260K'),
        task: 'perplexity',
        dataset: path.join(shared, 'datasets/knkarthick/dialogsum'),
        columns: 'dialogue',
        limit: 40,
        documents,
        maxLength,
        stride,
      });
      expect(evaluation[0]!.tokens).toBe(tokens);
      expect(evaluation[0]!.metrics.perplexity! / perplexity).toBeCloseTo(1, 5);
    },
  );
});
