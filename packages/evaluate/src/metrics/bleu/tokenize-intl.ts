import { splitWords } from '../python-text.js';

/**
 * sacreBLEU's `intl`: splits off symbols, and punctuation but between digits, by Unicode's categories (mteval-v14.pl). A
 * period after a number at the end of a line stays with it, as there.
 */
export const tokenizeInternational = (line: string): string =>
  splitWords(
    line
      .replace(/(\P{N})(\p{P})/gu, '$1 $2 ')
      .replace(/(\p{P})(\P{N})/gu, ' $1 $2')
      .replace(/(\p{S})/gu, ' $1 '),
  ).join(' ');
