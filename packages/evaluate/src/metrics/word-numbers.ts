/** Numbers for words, equal words the same over all calls: numbers compare faster. */
export function wordNumbers(): (words: readonly string[]) => Int32Array {
  const numbers = new Map<string, number>();
  return (words) =>
    Int32Array.from(words, (word) => {
      const number = numbers.get(word) ?? numbers.size;
      numbers.set(word, number);
      return number;
    });
}
