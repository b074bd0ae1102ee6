import { binary, type OpSpec } from './spec.js';

/** Operators on strings. */
export const text = {
  RegexFullMatch: { in: ['x'], attrs: { pattern: 'string' } },
  StringConcat: binary,
  StringNormalizer: {
    in: ['x'],
    attrs: { case_change_action: 'string', is_case_sensitive: 'int', locale: 'string', stopwords: 'strings' },
  },
  StringSplit: { in: ['x'], attrs: { delimiter: 'string', maxsplit: 'int' }, out: 2 },
  TfIdfVectorizer: {
    in: ['x'],
    attrs: {
      max_gram_length: 'int!',
      max_skip_count: 'int!',
      min_gram_length: 'int!',
      mode: 'string!',
      ngram_counts: 'ints!',
      ngram_indexes: 'ints!',
      pool_int64s: 'ints',
      pool_strings: 'strings',
      weights: 'floats',
    },
  },
} as const satisfies Record<string, OpSpec>;
