import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { glueRows, hasShared, modelFolder } from '../test/shared.js';

import { stream } from './random.js';
import { loadTokenizer } from './tokenize.js';
import { cachedWords, wordSplit } from './words.js';

const hub = path.resolve(import.meta.dirname, '../../../fixtures/hub');
const folder = path.join(hub, 'models/neuroprune/bert-micro-uncased');
const read = (name: string) => JSON.parse(readFileSync(path.join(folder, name), 'utf8'));
const definition = read('tokenizer.json');
const library = new Tokenizer(definition, read('tokenizer_config.json'));
const full = process.env.NEUROPRUNE_CHECK === 'full';

async function expectLibraryIds(texts: Iterable<string>, place = folder, reference = library): Promise<void> {
  const { encode } = await loadTokenizer(place);
  for (const text of texts) {
    const { inputIds, tokenTypeIds } = encode(text, undefined, Number.POSITIVE_INFINITY);
    expect([...inputIds], JSON.stringify(text)).toEqual(reference.encode(text).ids);
    expect(tokenTypeIds.every((type) => type === 0)).toBe(true);
  }
}

describe('the ids of words looked up are those of the library', () => {
  it('on sentences of SST-2', async () => {
    const rows = await glueRows('sst2', 'train', hub);
    await expectLibraryIds(rows.slice(0, full ? rows.length : 3000).map((row) => String(row.sentence)));
  });

  it('on random texts of signs, words, added tokens and other scripts', async () => {
    const seed = Number(process.env.NEUROPRUNE_SEED ?? 0);
    const below = stream(seed, 21);
    const odd = [
      '[MASK]',
      '[sep]',
      '[UNK',
      '\t',
      '\n',
      '\r',
      '\u007f',
      '\0',
      'é',
      'İ',
      '中文',
      '__proto__',
      'constructor',
      '\u00a0',
    ];
    const part = () => (below(8) === 0 ? odd[below(odd.length)]! : String.fromCharCode(32 + below(95)));
    await expectLibraryIds(
      Array.from({ length: full ? 50_000 : 2000 }, () => Array.from({ length: 24 }, part).join('')),
    );
  });

  it.each(['', ' ', 'x'.repeat(101), '[MASK]', 'a[MASK]b', "don't", 'A-B_C', 'tab\there'])('on %j', (text) =>
    expectLibraryIds([text]),
  );
});

describe.skipIf(!hasShared).each(['openai-community/gpt2', 'tiny-random/roberta'])(
  '%s: the ids of the library (skipped without ../shared)',
  (id) => {
    const place = modelFolder(id);
    const json = (name: string) => JSON.parse(readFileSync(path.join(place, name), 'utf8'));
    const reference = new Tokenizer(json('tokenizer.json'), json('tokenizer_config.json'));

    it('on sentences and on random texts', async () => {
      expect(wordSplit(json('tokenizer.json'))).toBeDefined();
      const below = stream(Number(process.env.NEUROPRUNE_SEED ?? 0), 22);
      const odd = [
        '<mask>',
        '<|endoftext|>',
        ' ',
        '  ',
        '\n',
        '\t',
        "'s",
        "'LL",
        'é',
        '中文',
        '😀',
        '\u00a0',
        '１２',
        '\u0301',
      ];
      const part = () => (below(3) === 0 ? odd[below(odd.length)]! : String.fromCharCode(32 + below(95)));
      const random = Array.from({ length: full ? 20_000 : 1000 }, () => Array.from({ length: 20 }, part).join(''));
      const rows = await glueRows('sst2', 'validation', hub);
      await expectLibraryIds([...rows.map((row) => String(row.sentence)), ...random, '', ' ', '  a'], place, reference);
    });
  },
);

describe('wordSplit', () => {
  it('leaves a text it cannot divide to the library', () => {
    const split = wordSplit(definition)!;
    expect(split('Plain, old text')).toEqual(['plain', ',', 'old', 'text']);
    for (const text of ['é', 'a [MASK] b', 'a [mask]', '\0', '\u007f']) expect(split(text), text).toBeUndefined();
  });

  it('keeps capitals where the tokenizer does', () => {
    const cased = { ...definition, normalizer: { ...definition.normalizer, lowercase: false } };
    expect(wordSplit(cased)!('A b')).toEqual(['A', 'b']);
  });

  it.each([
    ['another normalizer', { ...definition, normalizer: null }],
    ['another pre-tokenizer', { ...definition, pre_tokenizer: { type: 'Whitespace' } }],
    ['another model', { ...definition, model: { type: 'BPE' } }],
  ])('knows nothing of a tokenizer with %s', (_, other) => {
    expect(wordSplit(other)).toBeUndefined();
  });
});

it('cachedWords asks for a word once', () => {
  const asked: string[] = [];
  const tokens = cachedWords(
    (text) => text.split(' '),
    (word) => [asked.push(word)],
    () => [],
  );
  expect([tokens('a b a'), tokens('b c')]).toEqual([
    [1, 2, 1],
    [2, 3],
  ]);
  expect(asked).toEqual(['a', 'b', 'c']);
});
