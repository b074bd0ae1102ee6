import { codeOf, float32, type GraphBuilder, type Value } from '@neuroprune/onnx';
import { cut } from './factors.js';
import { joined } from './scored.js';

/** Scores of a kind, as rows of any extent. */
export interface KindScores {
  readonly scores: Value;
  readonly size: number;
}

/** Entries of a sample, about. */
const SAMPLE = 2 ** 16;
/** How far a rank in a sample may be from what it stands for, in standard deviations of a rank, √S/2 at most. */
const SPREAD = 6;
/** Halvings of the interval around a sample's rank: 6·√S of S entries, 2.3 % of them, come down to 10⁻⁴. */
const PASSES = 8;

/**
 * The number of each kind up to which `need` of its scores lie, [kinds, 1], to 10⁻⁴ of their count: the scores around that rank
 * in a sorted sample are a narrow interval, which is halved by counts over all. Scores that a sample holds whole are cut exactly.
 */
export function limitsOf(builder: GraphBuilder, kinds: readonly KindScores[], need: Value, sample = SAMPLE): Value {
  const { op } = builder;
  const samples = kinds.map((kind) => sortedSample(builder, kind, sample));
  const [low, high] = intervalOf(builder, kinds, samples, need);
  if (samples.every(({ stride }) => stride === 1)) return high;
  const below = (t: Value) => {
    const limits = cut(builder, t, kinds.length);
    return joined(
      builder,
      kinds.map(({ scores }, k) => countOf(builder, op.LessOrEqual(scores, limits[k] as Value))),
    );
  };
  let [from, to] = [low, high];
  for (let pass = 0; pass < PASSES; pass++) {
    const middle = op.Mul(op.Add(from, to), 0.5);
    const enough = op.GreaterOrEqual(below(middle), need);
    [from, to] = [op.Where(enough, from, middle), op.Where(enough, middle, to)];
  }
  return to;
}

interface Sample {
  /** Ascending, [size]. */
  readonly sorted: Value;
  readonly size: number;
  readonly stride: number;
}

/** A step that visits all columns of a matrix whatever their number's small factors. */
function strideOf(size: number, sample: number): number {
  let stride = Math.floor(size / sample);
  if (stride < 2) return 1;
  while ([2, 3, 5, 7].some((factor) => stride % factor === 0)) stride++;
  return stride;
}

function sortedSample(builder: GraphBuilder, { scores, size }: KindScores, sample: number): Sample {
  const { op } = builder;
  const stride = strideOf(size, sample);
  const flat = op.Reshape(scores, builder.ints(-1));
  const some =
    stride === 1 ? flat : op.Slice(flat, builder.ints(0), builder.ints(size), builder.ints(0), builder.ints(stride));
  const count = Math.ceil(size / stride);
  return { sorted: op.TopK(some, builder.ints(count), { largest: 0 })[0], size: count, stride };
}

/** The scores at the ranks around the one asked for, [kinds, 1] each; past the ends of a sample, 0 and the largest of all. */
function intervalOf(
  builder: GraphBuilder,
  kinds: readonly KindScores[],
  samples: readonly Sample[],
  need: Value,
): [Value, Value] {
  const { op } = builder;
  const column = (numbers: readonly number[], width = 1) => builder.constant(float32(numbers, [kinds.length, width]));
  const margins = samples.map(({ size, stride }) => (stride === 1 ? 0 : (SPREAD / 2) * Math.sqrt(size)));
  const rank = op.Sub(op.Mul(need, column(samples.map(({ size }, k) => size / (kinds[k] as KindScores).size))), 1);
  const ranks = op.Floor(
    op.Add(
      rank,
      column(
        margins.flatMap((m) => [-m, m + 0.5]),
        2,
      ),
    ),
  ); // [kinds, 2]
  const last = column(samples.map(({ size }) => size - 1));
  const at = op.Cast(op.Max([op.Min([ranks, last]), builder.scalar(0)]), { to: codeOf('int32') });
  const own = cut(builder, at, kinds.length);
  const found = joined(
    builder,
    samples.map(({ sorted }, k) => op.Gather(sorted, own[k] as Value, { axis: 0 })),
  );
  const [low, high] = op.Split(found, undefined, { axis: 1, num_outputs: 2 }) as [Value, Value];
  if (samples.every(({ stride }) => stride === 1)) return [low, high];
  const [lowRank, highRank] = op.Split(ranks, undefined, { axis: 1, num_outputs: 2 }) as [Value, Value];
  const most = joined(
    builder,
    kinds.map(({ scores }) => op.ReduceMax(op.ReduceMax(scores, builder.ints(1)), builder.ints(0))),
  );
  return [op.Where(op.Less(lowRank, 0), 0, low), op.Where(op.Greater(highRank, last), most, high)];
}

/** How many are true, [1, 1]: along rows first, where GPUs count many at a time. */
const countOf = (builder: GraphBuilder, are: Value): Value => {
  const { op } = builder;
  return op.ReduceSum(op.ReduceSum(op.Cast(are, { to: codeOf('float32') }), builder.ints(1)), builder.ints(0));
};
