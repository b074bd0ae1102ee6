/**
 * A mask event as a graph, so that weights that live on a GPU stay there: what `cutByKind` and `trim` do to the host's. The
 * threshold of each kind is found by bisection on counts instead of by histogram, so that scores that differ by less than
 * 2⁻³² of the largest, equal ones too, go together: the share of zeros comes out within 10⁻⁴ of what is asked for.
 */
import type { PrunableGroups } from '@neuroprune/models';
import { GraphBuilder, type Model, modelOf, type StepSignature, slotOutput, type Value } from '@neuroprune/onnx';
import type { GradualMethod, ThresholdMethod } from '../method.js';
import { factorsOf, scoresOf } from './factors.js';
import { headCounts, sumOfLargest } from './heads-left.js';
import { membership, membersOf, sizesOf, sumOfEach, targetKinds, type WeightStack, weightStacks } from './scored.js';

/** Halvings of the interval of a threshold. */
const PASSES = 32;

/** The scalar input: share of zeros to cut to. */
export const EVENT_SPARSITY = 'event.sparsity';
/** The scalar output: zeros in the prunable matrices after it. */
export const EVENT_ZEROS = 'event.zeros';
/** The scalar output: heads that still do something after it. */
export const EVENT_HEADS = 'event.heads';

/** A method that has mask events. */
export type MaskMethod = ThresholdMethod | GradualMethod;

/**
 * The graph of a method's mask event over the masked stacks of a step: weights and the sparsity in, weights and counts out.
 * Undefined where matrices are stored in a layout that only the host reads.
 */
export function maskEvent(
  signature: StepSignature,
  groups: readonly PrunableGroups[],
  method: MaskMethod,
): Model | undefined {
  const builder = new GraphBuilder();
  const members = membersOf(groups);
  const stacks = members && weightStacks(builder, signature, members);
  if (!stacks || stacks.length === 0) return undefined;
  const parts: Parts = { builder, stacks, method, heads: groups.map(({ heads }) => heads.count) };
  const thresholds = thresholdsOf(parts, targetsOf(parts, builder.input(EVENT_SPARSITY, 'float32', [])));
  const { op } = builder;
  const after = thresholds.map(({ stack, scores, limit }) => {
    const w = op.Where(op.LessOrEqual(scores, limit), 0, stack.w);
    const flat = stack.members.length === 1 ? op.Squeeze(w, builder.ints(0)) : w;
    builder.output(flat, slotOutput(stack.stack, 'w'));
    return { ...stack, alive: alive(builder, w) };
  });
  const size = after.reduce((n, { members: own, rows, columns }) => n + own.length * rows * columns, 0);
  const live = after.map((stack) => op.ReduceSum(sumOfEach(builder, stack.alive), undefined, { keepdims: 0 }));
  builder.output(
    op.Sub(
      size,
      live.reduce((a, b) => op.Add(a, b)),
    ),
    EVENT_ZEROS,
  );
  builder.output(headCounts(builder, after, parts.heads).live, EVENT_HEADS);
  return modelOf(builder.graph);
}

interface Parts {
  readonly builder: GraphBuilder;
  readonly stacks: readonly WeightStack[];
  readonly method: MaskMethod;
  /** Heads of each layer. */
  readonly heads: readonly number[];
}

/** 1 for a weight other than zero. */
const alive = ({ op }: GraphBuilder, w: Value): Value => op.Sub(1, op.Cast(op.Equal(w, 0), { to: 1 }));

/** The share of each kind that is to be zero, [kinds]: as `cutTargets` says it of the host's weights. */
function targetsOf({ builder, stacks, method, heads }: Parts, s: Value): Value {
  const { op } = builder;
  const one = (value: Value) => op.Reshape(value, builder.ints(1));
  if (method.name === 'gradual') return one(s);
  if (method.heads === undefined) return op.Expand(s, builder.ints(3));
  const [mlp, qkv, output] = sizesOf(stacks, targetKinds(false)) as [number, number, number];
  const total = heads.reduce((a, b) => a + b, 0);
  const excess = Math.max(0, 1 - method.heads / total - method.sparsity) * (qkv + output);
  const counts = headCounts(
    builder,
    stacks.map((stack) => ({ ...stack, alive: alive(builder, stack.w) })),
    heads,
  );
  const toGo = op.Sub(counts.live, method.heads);
  const room = (own: readonly Value[], size: number) =>
    op.Max([op.Sub(s, op.Mul(sumOfLargest(builder, own, toGo), 1 / size)), builder.scalar(0)]);
  const share = Math.max(0, 1 - excess / (method.sparsity * mlp));
  return op.Concat([op.Mul(s, share), room(counts.qkv, qkv), room(counts.output, output)].map(one), { axis: 0 });
}

/** Scores of a stack, and the limit up to which its members' are cut, [n, 1, 1]. */
interface Thresholds {
  readonly stack: WeightStack;
  readonly scores: Value;
  readonly limit: Value;
}

function thresholdsOf({ builder, stacks, method }: Parts, targets: Value): Thresholds[] {
  const { op } = builder;
  const own = targetKinds(method.name === 'gradual');
  const factorOf = method.name === 'gradual' ? () => undefined : factorsOf(builder, stacks, method);
  const scored = stacks.map((stack) => ({
    stack,
    of: membership(builder, stack, own), // [kinds, n]
    scores: scoresOf(builder, stack, factorOf),
  }));
  const byKind = (numbers: (part: (typeof scored)[number]) => Value, together: (a: Value, b: Value) => Value) =>
    scored
      .map((part) => op.Mul(part.of, op.Unsqueeze(numbers(part), builder.ints(0))))
      .map((each) =>
        together === add
          ? op.ReduceSum(each, builder.ints(1), { keepdims: 0 })
          : op.ReduceMax(each, builder.ints(1), { keepdims: 0 }),
      )
      .reduce(together);
  const add = (a: Value, b: Value) => op.Add(a, b);
  const max = (a: Value, b: Value) => op.Max([a, b]);
  const sizes = builder.constant({
    dtype: 'float32',
    dims: [own.length],
    data: Float32Array.from(sizesOf(stacks, own)),
  });
  const need = op.Floor(op.Add(op.Mul(targets, sizes), 0.5));
  const limitOf = (part: (typeof scored)[number], t: Value) =>
    op.Reshape(
      op.ReduceSum(op.Mul(part.of, op.Unsqueeze(t, builder.ints(1))), builder.ints(0), { keepdims: 0 }),
      builder.ints(-1, 1, 1),
    );
  const below = (t: Value) =>
    byKind((part) => sumOfEach(builder, op.Cast(op.LessOrEqual(part.scores, limitOf(part, t)), { to: 1 })), add);
  const zeros = byKind(({ stack }) => sumOfEach(builder, op.Cast(op.Equal(stack.w, 0), { to: 1 })), add);
  let high = byKind(
    ({ scores }) =>
      op.ReduceMax(op.ReduceMax(scores, builder.ints(2), { keepdims: 0 }), builder.ints(1), { keepdims: 0 }),
    max,
  );
  let low = op.Mul(high, 0);
  for (let pass = 0; pass < PASSES; pass++) {
    const middle = op.Mul(op.Add(low, high), 0.5);
    const enough = op.GreaterOrEqual(below(middle), need);
    [low, high] = [op.Where(enough, low, middle), op.Where(enough, middle, high)];
  }
  const limits = op.Where(op.GreaterOrEqual(zeros, need), -1, high); // where there are enough zeros, nothing goes
  return scored.map((part) => ({ stack: part.stack, scores: part.scores, limit: limitOf(part, limits) }));
}
