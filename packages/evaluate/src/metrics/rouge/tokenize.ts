import { porterStem } from './porter.js';

/** Tokens as rouge_score 0.1.2 makes them: lower-case runs of a–z and 0–9, those longer than 3 stemmed if asked; all else separates. */
export function rougeTokens(text: string, stemmer: boolean): string[] {
  const tokens = text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  return stemmer ? tokens.map((token) => (token.length > 3 ? porterStem(token) : token)) : tokens;
}

/** Tokens of each line of a text, empty lines left out: the sentences of ROUGE-Lsum are what newlines separate. */
export const rougeLines = (text: string, stemmer: boolean): string[][] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => rougeTokens(line, stemmer));
