import { blockOf, type HeadWeights, type Numbers } from './attention-layer.js';

/** max |A_i − A_j| of each pair of heads, [heads · heads]: A_h is head h's blocks of query, key, value and query bias, and
 * its column of a table of positions. */
export function headDistances(attention: HeadWeights): Float64Array {
  const { heads } = attention;
  const all = parts(attention);
  const distances = new Float64Array(heads * heads);
  for (let i = 0; i < heads; i++)
    for (let j = i + 1; j < heads; j++) {
      const far = Math.max(...all.map((array) => blockDistance(array, i, j, heads)));
      distances[i * heads + j] = far;
      distances[j * heads + i] = far;
    }
  return distances;
}

/** max |A_h| of each head: how far it is from no head at all. */
export function headNorms(attention: HeadWeights): number[] {
  const largest = (array: Numbers, head: number) => {
    const [start, end] = blockOf(array, head, attention.heads);
    let max = 0;
    for (let i = start; i < end; i++) max = Math.max(max, Math.abs(array[i]!));
    return max;
  };
  // What a table adds to the scores is no weight: a head is as near to none as its weights are.
  const own = parts({ ...attention, positions: undefined });
  return Array.from({ length: attention.heads }, (_, h) => Math.max(...own.map((array) => largest(array, h))));
}

/** S[i][j] = max |A_i − A_j| ≤ θ (arXiv 2404.01306, Algorithm 1). With `alive`, removed heads are similar to none,
 * themselves included. */
export function similarHeads(attention: HeadWeights, theta: number, alive?: readonly boolean[]): boolean[][] {
  return similarWithin(headDistances(attention), attention.heads, theta, alive);
}

/** The similarity that `similarHeads` gives, from distances at hand. */
export function similarWithin(
  distances: Float64Array,
  heads: number,
  theta: number,
  alive?: readonly boolean[],
): boolean[][] {
  const live = (h: number) => alive?.[h] ?? true;
  return Array.from({ length: heads }, (_, i) =>
    Array.from({ length: heads }, (_, j) => live(i) && live(j) && distances[i * heads + j]! <= theta),
  );
}

function parts({ query, key, value, queryBias, positions, heads }: HeadWeights): Numbers[] {
  return [query, key, value, ...(queryBias ? [queryBias] : []), ...(positions ? [byHead(positions, heads)] : [])];
}

/** A table [rows, heads] head by head. */
function byHead(table: Numbers, heads: number): Float64Array {
  const rows = table.length / heads;
  return Float64Array.from(table, (_, i) => table[(i % rows) * heads + Math.floor(i / rows)]!);
}

function blockDistance(array: Numbers, i: number, j: number, heads: number): number {
  const size = array.length / heads;
  let far = 0;
  for (let k = 0; k < size; k++) far = Math.max(far, Math.abs(array[i * size + k]! - array[j * size + k]!));
  return far;
}
