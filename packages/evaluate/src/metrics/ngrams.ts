/** Number of times each n-gram occurs. */
export type NgramCounts = Map<string, number>;

/** Counts the n-grams of one length in a list of words without white space; keys are the words with spaces between. */
export function wordNgrams(words: readonly string[], n: number): NgramCounts {
  const counts: NgramCounts = new Map();
  for (let i = 0; i + n <= words.length; i++) {
    let key = words[i]!;
    for (let j = 1; j < n; j++) key += ` ${words[i + j]!}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

// Where each code point begins, and the end; a text without surrogates has one a unit.
function codePointStarts(text: string): readonly number[] {
  const starts: number[] = [];
  for (let i = 0; i < text.length; i += text.codePointAt(i)! > 0xffff ? 2 : 1) starts.push(i);
  return [...starts, text.length];
}

/** Counts the n-grams of code points of every length from 1 to `order`; the first list is that of length 1. */
export function characterNgrams(text: string, order: number): NgramCounts[] {
  const starts = codePointStarts(text);
  return Array.from({ length: order }, (_, index) => {
    const counts: NgramCounts = new Map();
    for (let i = 0; i + index + 1 < starts.length; i++) {
      const key = text.slice(starts[i], starts[i + index + 1]);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return counts;
  });
}

/** Number of n-grams with their repeats. */
export function ngramTotal(counts: NgramCounts): number {
  let total = 0;
  for (const count of counts.values()) total += count;
  return total;
}

/** Number of n-grams that two texts share, each as often as the text that has it less. */
export function ngramMatches(a: NgramCounts, b: NgramCounts): number {
  let matches = 0;
  for (const [key, count] of a) matches += Math.min(count, b.get(key) ?? 0);
  return matches;
}
