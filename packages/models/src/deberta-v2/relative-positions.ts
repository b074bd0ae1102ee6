import { type GraphBuilder, int64, type Value } from '@neuroprune/onnx';

/** How distances between tokens choose a row of the table of relative positions. */
export interface RelativePositions {
  /** Distances from here on have one row. */
  readonly furthest: number;
  /** Buckets of either sign, exact for the nearer half and logarithmic beyond; below 1 for a row each distance. */
  readonly buckets: number;
}

/** Rows of the table on either side of distance 0. */
export const span = ({ furthest, buckets }: RelativePositions): number => (buckets > 0 ? buckets : furthest);

/** Row of the table for a distance; in float32, as transformers has it (`make_log_bucket_position`). */
export function rowOf(distance: number, r: RelativePositions): number {
  const bucket = r.buckets > 0 ? logBucket(distance, r.buckets, r.furthest) : distance;
  return Math.min(Math.max(bucket + span(r), 0), 2 * span(r) - 1);
}

function logBucket(distance: number, buckets: number, furthest: number): number {
  const mid = Math.floor(buckets / 2);
  const size = Math.abs(distance);
  if (size <= mid) return distance;
  const log = (x: number) => Math.fround(Math.log(Math.fround(x)));
  const share = Math.fround(log(size / mid) / log((furthest - 1) / mid));
  return Math.sign(distance) * (Math.ceil(Math.fround(share * (mid - 1))) + mid);
}

/** Row of the table for each query and key, int64 [S, S], from the number of tokens, int64 []. */
export function relativeRows(builder: GraphBuilder, tokens: Value, r: RelativePositions): Value {
  const { op } = builder;
  const scalar = (x: number) => builder.scalar(x, 'int64');
  const positions = op.Range(scalar(0), tokens, scalar(1));
  const distances = op.Sub(op.Unsqueeze(positions, builder.ints(1)), positions);
  // Beyond the furthest every distance has the last row, so a table of the others says all.
  const near = op.Clip(distances, scalar(-r.furthest), scalar(r.furthest));
  const rows = Array.from({ length: 2 * r.furthest + 1 }, (_, i) => rowOf(i - r.furthest, r));
  return op.Gather(builder.constant(int64(rows)), op.Add(near, scalar(r.furthest)));
}
