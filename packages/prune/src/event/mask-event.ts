/**
 * A mask event as a graph, so that weights that live on a GPU stay there: what `cutByKind` and `trim` do to the host's. Scores
 * that are equal go together: the share of zeros comes out within 10⁻⁴ of what is asked for.
 */
import type { PrunableGroups } from '@neuroprune/models';
import {
  float32,
  GraphBuilder,
  type Model,
  modelOf,
  type StepSignature,
  slotOutput,
  type Value,
} from '@neuroprune/onnx';
import type { GradualMethod, ThresholdMethod } from '../method.js';
import { factorsOf, scoresOf } from './factors.js';
import { headCounts, sumOfLargest } from './heads-left.js';
import { limitsOf } from './limits.js';
import {
  membership,
  membersOf,
  scoresOfKind,
  sizesOf,
  sumOfEach,
  targetKinds,
  type WeightStack,
  weightStacks,
} from './scored.js';

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
 * Undefined where matrices are stored in a layout that only the host reads. `sample`: entries of a sample of scores.
 */
export function maskEvent(
  signature: StepSignature,
  groups: readonly PrunableGroups[],
  method: MaskMethod,
  sample?: number,
): Model | undefined {
  const builder = new GraphBuilder();
  const members = membersOf(groups);
  const stacks = members && weightStacks(builder, signature, members);
  if (!stacks || stacks.length === 0) return undefined;
  const parts: Parts = { builder, stacks, method, sample, heads: groups.map(({ heads }) => heads.count) };
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
  /** Entries of a sample of scores, about, where it is not as many as usual. */
  readonly sample: number | undefined;
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

function thresholdsOf({ builder, stacks, method, sample }: Parts, targets: Value): Thresholds[] {
  const { op } = builder;
  const own = targetKinds(method.name === 'gradual');
  const factorOf = method.name === 'gradual' ? () => undefined : factorsOf(builder, stacks, method);
  const scored = stacks.map((stack) => ({
    stack,
    of: membership(builder, stack, own), // [kinds, n]
    scores: scoresOf(builder, stack, factorOf),
  }));
  const sizes = sizesOf(stacks, own);
  const need = op.Floor(
    op.Add(op.Mul(column(builder, targets), builder.constant(float32(sizes, [own.length, 1]))), 0.5),
  );
  const kinds = own.map((kind, k) => ({ scores: scoresOfKind(builder, scored, kind), size: sizes[k] as number }));
  const zeros = scored
    .map(({ stack, of }) => {
      const each = sumOfEach(builder, op.Cast(op.Equal(stack.w, 0), { to: 1 }));
      return op.ReduceSum(op.Mul(of, op.Unsqueeze(each, builder.ints(0))), builder.ints(1));
    })
    .reduce((a, b) => op.Add(a, b)); // [kinds, 1]
  // Where there are enough zeros, nothing goes.
  const limits = op.Where(op.GreaterOrEqual(zeros, need), -1, limitsOf(builder, kinds, need, sample));
  return scored.map(({ stack, of, scores }) => {
    const limit = op.ReduceSum(op.Mul(of, limits), builder.ints(0), { keepdims: 0 });
    return { stack, scores, limit: op.Reshape(limit, builder.ints(-1, 1, 1)) };
  });
}

const column = (builder: GraphBuilder, vector: Value): Value => builder.op.Unsqueeze(vector, builder.ints(1));
