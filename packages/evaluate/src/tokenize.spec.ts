import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasShared, modelFolder, temporaryFolder } from '../test/shared.js';
import { loadTokenizer, longestFirst } from './tokenize.js';

interface Golden {
  tokenizer: { text: string; ids: number[] }[];
  tokenizer_pairs: { text: string; pair: string; max_length: number; input_ids: number[]; token_type_ids?: number[] }[];
}

const golden = (folder: string): Golden => JSON.parse(readFileSync(path.join(folder, 'golden.json'), 'utf8'));

const fixtures = path.resolve(import.meta.dirname, '../../models/fixtures');
const folders = [
  ...['bert', 'distilbert', 'electra', 'roberta', 't5', 'bart', 'opt', 'gpt2', 'llama', 'qwen2'].map(
    (name) => [name, modelFolder(`tiny-random/${name}`), hasShared] as const,
  ),
  ...['albert', 'deberta-v2'].map((name) => [name, path.join(fixtures, name), true] as const),
];

describe.each(folders)('%s, against Hugging Face (skipped without its folder)', (_, folder, there) => {
  it.skipIf(!there)('texts', async () => {
    const tokenizer = await loadTokenizer(folder);
    for (const { text, ids } of golden(folder).tokenizer) {
      expect([...tokenizer.encode(text, undefined, 512).inputIds], text).toEqual(ids);
    }
  });

  it.skipIf(!there || golden(folder).tokenizer_pairs.length === 0)('pairs, whole and cut', async () => {
    const tokenizer = await loadTokenizer(folder);
    for (const row of golden(folder).tokenizer_pairs) {
      const { inputIds, tokenTypeIds } = tokenizer.encode(row.text, row.pair, row.max_length);
      expect([...inputIds], row.text).toEqual(row.input_ids);
      if (row.token_type_ids) expect([...tokenTypeIds]).toEqual(row.token_type_ids);
    }
  });
});

describe.skipIf(!hasShared)('bert (skipped without ../shared)', () => {
  const bert = modelFolder('tiny-random/bert');

  it('states its padding id and longest input', async () => {
    expect(await loadTokenizer(bert)).toMatchObject({ padId: 0, maxLength: 64 });
    expect(await loadTokenizer(modelFolder('tiny-random/roberta'))).toMatchObject({ padId: 1 });
  });

  it('keeps the special tokens of a cut text and of an empty second one', async () => {
    const { encode } = await loadTokenizer(bert);
    const whole = encode('The quick brown fox jumps over the lazy dog.', undefined, 512).inputIds;
    expect([...encode('The quick brown fox jumps over the lazy dog.', undefined, 6).inputIds]).toEqual([
      ...whole.slice(0, 5),
      3,
    ]);
    const pair = encode('The cat', '', 512);
    expect([...pair.inputIds.slice(-2)]).toEqual([3, 3]);
    expect([...pair.tokenTypeIds.slice(-2)]).toEqual([0, 1]);
  });
});

it('decode leaves special tokens out', async () => {
  const tokenizer = await loadTokenizer(
    path.resolve(import.meta.dirname, '../../../fixtures/hub/models/neuroprune/bert-micro-uncased'),
  );
  const { inputIds } = tokenizer.encode('a charming and often affecting journey', undefined, 64);
  expect(tokenizer.decode(inputIds)).toBe('a charming and often affecting journey');
  expect(tokenizer.decode([])).toBe('');
});

// [first, second, limit, first kept, second kept], from Hugging Face tokenizers 0.23.3, truncation 'longest_first'.
it.each([
  [3, 4, 7, 3, 4],
  [3, 4, 8, 3, 4],
  [9, 4, 13, 9, 4],
  [11, 4, 13, 9, 4],
  [4, 11, 13, 4, 9],
  [20, 20, 13, 6, 7],
  [21, 20, 13, 7, 6],
  [20, 21, 13, 6, 7],
  [7, 7, 13, 6, 7],
  [9, 6, 13, 7, 6],
  [30, 5, 4, 2, 2],
  [5, 30, 4, 2, 2],
  [5, 5, 1, 0, 1],
  [0, 9, 4, 0, 4],
  [9, 0, 4, 4, 0],
])('longestFirst(%i, %i, %i) is %i, %i', (first, second, limit, ...kept) => {
  expect(longestFirst(first, second, limit)).toEqual(kept);
});

describe('loadTokenizer refuses', () => {
  const tiny = {
    model: { type: 'WordPiece', vocab: { a: 0 }, unk_token: 'a' },
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
  };
  it.each([
    ['a folder without the file', undefined, undefined, /expected a readable file, got none .*tokenizer\.json/],
    ['broken JSON', '{"model":', undefined, /got no JSON/],
    ['another JSON', '{"model": 3}', undefined, /expected a tokenizer's JSON, got ✖/],
    [
      'an unknown model',
      JSON.stringify({ ...tiny, model: { ...tiny.model, type: 'Abacus' } }),
      undefined,
      /got ✖ Invalid option/,
    ],
    [
      'an unknown step',
      JSON.stringify({ ...tiny, pre_tokenizer: { type: 'Abacus' } }),
      undefined,
      /can run, got 'Unknown PreTokenizer/,
    ],
    ['a broken config', JSON.stringify(tiny), '{"model_max_length": "long"}', /tokenizer_config\.json/],
  ])('%s', async (_, definition, config, message) => {
    const folder = path.join(await temporaryFolder(), 'model');
    await mkdir(folder);
    if (definition !== undefined) await writeFile(path.join(folder, 'tokenizer.json'), definition);
    if (config !== undefined) await writeFile(path.join(folder, 'tokenizer_config.json'), config);
    await expect(loadTokenizer(folder)).rejects.toThrow(message);
    await expect(loadTokenizer(folder)).rejects.toMatchObject({ name: 'EvaluateError', kind: 'input' });
  });

  it('but takes one without a config or a template', async () => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify(tiny));
    const { encode, maxLength } = await loadTokenizer(folder);
    expect(maxLength).toBe(Number.POSITIVE_INFINITY);
    expect(encode('a', 'b', 8)).toEqual({ inputIds: Int32Array.of(0, 0), tokenTypeIds: Int32Array.of(0, 0) });
  });
});
