import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parquetReadObjects } from 'hyparquet';
import { describe, expect, test } from 'vitest';
import { hasShared, modelFolder, shared } from '../../test/shared.js';
import { openModel } from '../../test/text-model.js';
import { metrics } from '../metrics/metrics.js';
import { loadTokenizer } from '../tokenize.js';

const id = 'neuroprune-fixtures/t5-tiny-multi30k-de-en';

interface Golden {
  readonly max_new_tokens: number;
  readonly references: readonly string[];
  readonly greedy: readonly string[];
  readonly bleu_greedy: number;
  readonly beam4_first_50: readonly string[];
  readonly bleu_beam4_first_50: number;
}

/** German sentences of the test split. */
async function sentences(count: number): Promise<string[]> {
  const bytes = await readFile(path.join(shared, 'hub/datasets/multi30k/task1-de-en/data/test-00000-of-00001.parquet'));
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const rows = (await parquetReadObjects({ file, rowEnd: count })) as { translation: { de: string } }[];
  return rows.map(({ translation }) => translation.de);
}

describe.skipIf(!hasShared)('Multi30k, German to English, by the trained T5 (skipped without ../shared)', () => {
  const golden = (): Golden => JSON.parse(readFileSync(path.join(modelFolder(id), 'golden.json'), 'utf8'));
  test.each([
    ['greedy', 1, 200, (g: Golden) => [g.greedy, g.bleu_greedy] as const],
    ['4 beams', 4, 50, (g: Golden) => [g.beam4_first_50, g.bleu_beam4_first_50] as const],
  ])('%s: texts and BLEU are those of the Python run', async (_, numBeams, rows, expected) => {
    await using model = await openModel(id);
    const { encode, decode } = await loadTokenizer(modelFolder(id));
    const prompts = (await sentences(rows)).map((text) => encode(text, undefined, 64).inputIds);
    const { max_new_tokens: maxNewTokens, references } = golden();
    const { texts } = await model.generate(prompts, { maxNewTokens, numBeams });
    const translations = texts.map(({ tokens }) => decode(tokens));
    const [known, bleu] = expected(golden());
    expect(translations).toEqual(known);
    const score = metrics.bleu(
      translations,
      references.slice(0, rows).map((reference) => [reference]),
    );
    expect(score.bleu).toBeCloseTo(bleu, 10);
  });
});
