import { splitWords } from '../python-text.js';

const rules = [
  // Punctuation and symbols of ASCII but for period, comma, dash and apostrophe.
  [/([{-~[-` -&(-+:-@/])/g, ' $1 '],
  // Period and comma stay between digits, the dash stays but after a digit.
  [/([^0-9])([.,])/g, '$1 $2 '],
  [/([.,])([^0-9])/g, ' $1 $2'],
  [/([0-9])(-)/g, '$1 $2 '],
] as const;

/** Splits off punctuation as mteval-v13a does for languages of the West (sacreBLEU's `TokenizerRegexp`). */
export const tokenizeWestern = (line: string): string =>
  splitWords(rules.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), line)).join(' ');

/** sacreBLEU's `13a`, which WMT uses: joins lines, unescapes four entities, splits off punctuation (mteval-v13a.pl). */
export function tokenize13a(line: string): string {
  const joined = line.replaceAll('<skipped>', '').replaceAll('-\n', '').replaceAll('\n', ' ');
  const plain = joined
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
  return tokenizeWestern(` ${plain} `);
}
