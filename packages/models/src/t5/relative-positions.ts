import { type GraphBuilder, int64, type Value } from '@neuroprune/onnx';

/** How distances between tokens share buckets. */
export interface Buckets {
  readonly count: number;
  /** From here on all distances share the last bucket. */
  readonly maxDistance: number;
  /** Tokens that come later have half of the buckets; without it they count as here. */
  readonly bidirectional: boolean;
}

/**
 * Bucket of each distance key − query from −maxDistance to maxDistance: one each for the near half, the rest in steps of
 * equal ratio (transformers `T5Attention._relative_position_bucket`, its float32 arithmetic included).
 */
export function bucketTable({ count, maxDistance, bidirectional }: Buckets): number[] {
  const side = bidirectional ? Math.floor(count / 2) : count;
  const exact = Math.floor(side / 2);
  const bucketOf = (distance: number): number => {
    if (distance < exact) return distance;
    const log = Math.fround(Math.log(Math.fround(distance / exact)));
    const share = Math.fround(log / Math.fround(Math.log(maxDistance / exact)));
    return Math.min(exact + Math.trunc(Math.fround(share * (side - exact))), side - 1);
  };
  return Array.from({ length: 2 * maxDistance + 1 }, (_, i) => {
    const ahead = i - maxDistance;
    if (!bidirectional) return bucketOf(Math.max(-ahead, 0));
    return (ahead > 0 ? side : 0) + bucketOf(Math.abs(ahead));
  });
}

/** What is added to the scores of each head, [1, heads, queries, keys], from a table [buckets, heads] and int64 positions. */
export function relativeBias(
  builder: GraphBuilder,
  table: Value,
  buckets: Buckets,
  { queries, keys }: Readonly<Record<'queries' | 'keys', Value>>,
): Value {
  const { op } = builder;
  const far = buckets.maxDistance;
  const ahead = op.Sub(op.Unsqueeze(keys, builder.ints(0)), op.Unsqueeze(queries, builder.ints(1)));
  const limited = op.Clip(ahead, builder.scalar(-far, 'int64'), builder.scalar(far, 'int64'));
  const bucket = op.Gather(builder.constant(int64(bucketTable(buckets))), op.Add(limited, far)); // [S, T]
  return op.Unsqueeze(op.Transpose(op.Gather(table, bucket), { perm: [2, 0, 1] }), builder.ints(0));
}
