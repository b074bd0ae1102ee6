import { PruneError } from './errors.js';
import type { Matrix } from './layer.js';

/** The bits of a score without the sign: floats of one sign are ordered like their bits. */
const MAGNITUDE = 0x7fffffff;
const BINS = 1 << 16;

/** Zeroes the smallest scores until `count` of all entries are zero, and returns how many were zeroed now. Zeros are
 * there first, so masks only grow; of equal scores the earlier entry goes first, so the count is exact. Without
 * `scores` (one array a matrix, not negative) the magnitude is the score. */
export function cutSmallest(matrices: readonly Matrix[], count: number, scores?: readonly Float32Array[]): number {
  const parts = matrices.map((m, i) => ({ weights: m.data, bits: bitsOf(scoresFor(m, scores?.[i] ?? m.data)) }));
  const histogram = new Uint32Array(BINS);
  let live = 0;
  let total = 0;
  for (const part of parts) {
    total += part.weights.length;
    live += countHigh(part, histogram);
  }
  const need = count - (total - live);
  if (need <= 0) return 0;
  if (count > total) throw new PruneError(`internal: cannot cut ${count} of ${total} weights`);
  const high = rank(histogram, need);
  histogram.fill(0);
  for (const part of parts) countLow(part, high.bin, histogram);
  const low = rank(histogram, need - high.below);
  let ties = need - high.below - low.below;
  for (const part of parts) ties = zeroUpTo(part, high.bin * BINS + low.bin, ties);
  return need;
}

interface Part {
  readonly weights: Float32Array;
  readonly bits: Uint32Array;
}

function scoresFor(m: Matrix, scores: Float32Array): Float32Array {
  if (scores.length === m.data.length) return scores;
  throw new PruneError(`internal: ${m.name}: expected ${m.data.length} scores, got ${scores.length}`);
}

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

function countHigh({ weights, bits }: Part, histogram: Uint32Array): number {
  let live = 0;
  for (let i = 0; i < weights.length; i++)
    if (weights[i] !== 0) {
      live++;
      histogram[(bits[i]! & MAGNITUDE) >>> 16]!++;
    }
  return live;
}

function countLow({ weights, bits }: Part, bin: number, histogram: Uint32Array): void {
  for (let i = 0; i < weights.length; i++)
    if (weights[i] !== 0 && (bits[i]! & MAGNITUDE) >>> 16 === bin) histogram[bits[i]! & (BINS - 1)]!++;
}

/** The bin that holds the `need`-th smallest entry (from 1), and how many lie in the bins below it. */
function rank(histogram: Uint32Array, need: number): { bin: number; below: number } {
  let below = 0;
  for (let bin = 0; bin < histogram.length; bin++) {
    if (below + histogram[bin]! >= need) return { bin, below };
    below += histogram[bin]!;
  }
  throw new PruneError(`internal: rank ${need} is beyond ${below} entries`);
}

/** Zeroes all below the limit and the first `ties` at it; returns the ties that remain to be cut. */
function zeroUpTo({ weights, bits }: Part, limit: number, ties: number): number {
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue;
    const score = bits[i]! & MAGNITUDE;
    if (score < limit || (score === limit && ties-- > 0)) weights[i] = 0;
  }
  return Math.max(0, ties);
}

/** Zeroes every weight with |w| < ε: no connection, as the method counts them. */
export function cutBelow(matrices: readonly Matrix[], epsilon: number): void {
  for (const { data } of matrices) for (let i = 0; i < data.length; i++) if (Math.abs(data[i]!) < epsilon) data[i] = 0;
}
