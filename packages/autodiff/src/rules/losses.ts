import type { GraphBuilder, Value } from '@neuroprune/onnx';
import type { RuleContext, RuleTable } from '../rule.js';
import { outputOf } from './outputs.js';
import { indicator } from './selection.js';

type Likelihood = 'NegativeLogLikelihoodLoss' | 'SoftmaxCrossEntropyLoss';
type Common = Pick<RuleContext<Likelihood>, 'op' | 'builder' | 'x' | 'attrs'>;

/** [1, C, 1, …] class numbers, in the type of the targets. */
function classes(builder: GraphBuilder, scores: Value, target: Value): Value {
  const { op } = builder;
  const type = target.dtype ?? 'int64';
  const [zero, one] = [builder.scalar(0, 'int64'), builder.scalar(1, 'int64')];
  const count = op.Squeeze(op.Shape(scores, { start: 1, end: 2 }), builder.ints(0));
  const each = op.Range(zero, count, one);
  const numbers = type === 'int64' ? each : op.Cast(each, { to: 6 });
  return op.Reshape(numbers, builder.ints(...Array.from({ length: scores.rank }, (_, i) => (i === 1 ? -1 : 1))));
}

/**
 * With p = log-probabilities [N, C, d…], t the targets, w the weights of classes, l = -w[t]·p[t] and, for the mean,
 * L = Σ l / Σ w[t]: dp = -w at the target, dw = -p there (for the mean less L), times the gradient of the result, for the mean
 * divided by Σ w[t]. Targets equal to `ignore_index` count nowhere.
 */
function likelihood(c: Common, p: Value, g: Value): { readonly p: Value; readonly weights: Value | null } {
  const { op, builder, x, attrs } = c;
  const [, target, weights] = x;
  const at = op.Unsqueeze(target, builder.ints(1));
  const isTarget = op.Equal(at, classes(builder, p, target));
  const { ignore_index: ignored } = attrs;
  const hit = ignored === undefined ? isTarget : op.And(isTarget, op.Not(op.Equal(at, ignored)));
  const perClass = Array.from({ length: p.rank }, (_, i) => (i === 1 ? -1 : 1));
  const weight = weights && op.Reshape(weights, builder.ints(...perClass));
  const counted = weight ? op.Where(hit, weight, 0) : indicator(op, hit, p);
  const sum = (v: Value) => op.ReduceSum(v, undefined, { keepdims: 0 });
  const mean = (attrs.reduction ?? 'mean') === 'mean';
  const share = mean ? op.Div(g, sum(counted)) : attrs.reduction === 'none' ? op.Unsqueeze(g, builder.ints(1)) : g;
  const minus = op.Neg(share);
  if (!weights) return { p: op.Mul(counted, minus), weights: null };
  const loss = mean ? op.Div(op.Neg(sum(op.Mul(counted, p))), sum(counted)) : undefined;
  const each = op.Where(hit, op.Mul(minus, loss ? op.Add(p, loss) : p), 0);
  const others = builder.ints(...perClass.flatMap((d, i) => (d === 1 ? [i] : [])));
  return { p: op.Mul(counted, minus), weights: op.ReduceSum(each, others, { keepdims: 0 }) };
}

/** Losses over classes. */
export const losses: RuleTable<Likelihood> = {
  NegativeLogLikelihoodLoss: (c) => {
    const given = likelihood(c, c.x[0], c.g);
    return [given.p, null, given.weights];
  },
  // Of p = scores - log Σ exp(scores): dscores = dp - softmax·Σ dp.
  SoftmaxCrossEntropyLoss: (c) => {
    const { op, builder, node, x } = c;
    const [g, other] = c.g;
    const p = outputOf(builder, node, 1, x[0]);
    const given = g && likelihood(c, p, g);
    const total = given && other ? op.Add(given.p, other) : ((given?.p ?? other) as Value);
    const sum = op.ReduceSum(total, builder.ints(1), { keepdims: 1 });
    return [op.Sub(total, op.Mul(op.Exp(p), sum)), null, given?.weights ?? null];
  },
};
