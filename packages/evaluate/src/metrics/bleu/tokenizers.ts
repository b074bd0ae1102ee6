import { EvaluateError } from '../../error.js';
import { tokenize13a } from './tokenize-13a.js';
import { tokenizeInternational } from './tokenize-intl.js';
import { tokenizeChinese } from './tokenize-zh.js';

/** Tokenizers of sacreBLEU that need no download. */
export const bleuTokenizers = ['13a', 'intl', 'char', 'zh', 'none'] as const;

/** Name of one of them. */
export type BleuTokenizer = (typeof bleuTokenizers)[number];

const tokenizers = {
  '13a': tokenize13a,
  intl: tokenizeInternational,
  char: (line) => [...line].join(' '),
  zh: tokenizeChinese,
  none: (line) => line,
} satisfies Record<BleuTokenizer, (line: string) => string>;

const downloads: readonly string[] = ['ja-mecab', 'ko-mecab', 'spm', 'flores101', 'flores200', 'spBLEU-1K'];

/** A tokenizer by sacreBLEU's name: a line to a line of tokens. Throws for those that need a dictionary or model from elsewhere. */
export function bleuTokenizer(name: string): (line: string) => string {
  if (Object.hasOwn(tokenizers, name)) return tokenizers[name as BleuTokenizer];
  const expected = `expected one of ${Object.keys(tokenizers).join(', ')}, got '${name}'`;
  throw new EvaluateError(
    'input',
    downloads.includes(name)
      ? `bleu tokenizer: ${expected}, which needs a download; split the texts with it beforehand and choose none`
      : `bleu tokenizer: ${expected}`,
  );
}
