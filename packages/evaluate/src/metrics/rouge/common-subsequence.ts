import { wordNumbers } from '../word-numbers.js';

type Tokens = readonly string[];

/** Length of the longest common subsequence. */
export function subsequenceLength(reference: Tokens, prediction: Tokens): number {
  const numbers = wordNumbers();
  const other = numbers(prediction);
  const row = new Int32Array(other.length + 1);
  for (const token of numbers(reference)) {
    let diagonal = 0;
    for (let j = 1; j < row.length; j++) {
      const above = row[j]!;
      row[j] = token === other[j - 1] ? diagonal + 1 : Math.max(above, row[j - 1]!);
      diagonal = above;
    }
  }
  return row[other.length]!;
}

/** Adds the reference's positions in one longest common subsequence, the one that rouge_score finds from the end. */
function addPositions(reference: Int32Array, prediction: Int32Array, positions: Set<number>): void {
  const width = prediction.length + 1;
  // Whether the value to the left is the greater one: all that walking back needs besides equal tokens.
  const left = new Uint8Array((reference.length + 1) * width);
  const row = new Int32Array(width);
  for (const [i, token] of reference.entries()) {
    let diagonal = 0;
    for (let j = 1; j < width; j++) {
      const above = row[j]!;
      left[(i + 1) * width + j] = row[j - 1]! > above ? 1 : 0;
      row[j] = token === prediction[j - 1] ? diagonal + 1 : Math.max(above, row[j - 1]!);
      diagonal = above;
    }
  }
  for (let i = reference.length, j = prediction.length; i > 0 && j > 0; ) {
    if (reference[i - 1] === prediction[j - 1]) {
      positions.add(i - 1);
      i--;
      j--;
    } else if (left[i * width + j]) j--;
    else i--;
  }
}

const countTokens = (lines: readonly Tokens[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const token of lines.flat()) counts.set(token, (counts.get(token) ?? 0) + 1);
  return counts;
};

/** Tokens of the reference's lines in the union of their subsequences with every predicted line, none more often than a side has it. */
export function unionMatches(reference: readonly Tokens[], prediction: readonly Tokens[]): number {
  const left = [countTokens(reference), countTokens(prediction)];
  let hits = 0;
  const numbers = wordNumbers();
  const others = prediction.map(numbers);
  for (const line of reference) {
    const positions = new Set<number>();
    for (const other of others) addPositions(numbers(line), other, positions);
    for (const position of [...positions].sort((a, b) => a - b)) {
      const token = line[position]!;
      if (left.some((counts) => (counts.get(token) ?? 0) === 0)) continue;
      hits++;
      for (const counts of left) counts.set(token, counts.get(token)! - 1);
    }
  }
  return hits;
}
