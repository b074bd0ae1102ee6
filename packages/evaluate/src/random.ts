/** A stream of uniform integers below `n` (1 ≤ n ≤ 2³²), each call the next one. */
export type Below = (n: number) => number;

// Finalizer of MurmurHash3 (Appleby, public domain): every bit of the input reaches every bit of the output.
function mix(x: number): number {
  let h = x;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const rotl = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

/** xoshiro128** 1.1 from four state words, not all 0 (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021). */
export function xoshiro128(state: readonly [number, number, number, number]): () => number {
  let [a, b, c, d] = state;
  return () => {
    const result = Math.imul(rotl(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotl(d, 11);
    return result;
  };
}

/** The stream of a seed and further keys, such as the epoch; equal keys give equal streams on every machine. */
export function stream(...keys: readonly number[]): Below {
  const word = (start: number): number => keys.reduce((h, key) => mix(mix(h ^ key) ^ Math.floor(key / 2 ** 32)), start);
  const next = xoshiro128([word(0x9e3779b9), word(0x3c6ef372), word(0xdaa66d2b), 1]);
  return (n) => {
    // Values past the last whole multiple of n would favour small results.
    const whole = 2 ** 32 - (2 ** 32 % n);
    let value = next();
    while (value >= whole) value = next();
    return value % n;
  };
}

/** The positions 0 to n - 1 in shuffled order (Fisher and Yates, in Durstenfeld's form). */
export function shuffledPositions(n: number, below: Below): Int32Array {
  const positions = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = below(i + 1);
    [positions[i], positions[j]] = [positions[j]!, positions[i]!];
  }
  return positions;
}
