/** Optimizers that take a step only sometimes: over several micro-batches, and where the gradient is finite. */
import type { GraphBuilder, Value } from '@neuroprune/onnx';
import type { Optimizer, Update, UpdateContext } from './optimizer.js';
import { within } from './optimizer.js';

/** Loss scaling as in PyTorch's `GradScaler`: halved when a gradient overflows, doubled after enough good steps. */
export interface LossScaling {
  /** First scale; 65536 by default. */
  readonly initial?: number;
  /** Factor after `interval` good steps in a row; 2 by default. */
  readonly growth?: number;
  /** Factor after an overflow; 0.5 by default. */
  readonly backoff?: number;
  /** Good steps until the scale grows; 2000 by default. */
  readonly interval?: number;
}

/** Names of the variables of loss scaling. */
export const SCALE = 'scaling.scale';
const GOOD = 'scaling.good_steps';
const SUM = 'accumulated';
const LOSS = 'accumulated.loss';
/** Bounds of the scale: it and its reciprocal stay normal numbers. */
const [LEAST, MOST] = [2 ** -24, 2 ** 24];

/** True where a scalar is a finite number: infinities and NaN give NaN when taken from themselves. */
const allFinite = ({ op }: UpdateContext, x: Value): Value => op.Equal(op.Sub(x, x), 0);

/** Flat names of what an update makes. */
function flatten({ stacks, variables = {}, results = {} }: Update): Record<string, Value> {
  const entries = (kind: string, values: Readonly<Record<string, Value>>) =>
    Object.entries(values).flatMap(([name, v]) => (name === 'g' ? [] : [[`${kind}/${name}`, v] as const]));
  return Object.fromEntries([
    ...stacks.flatMap((made, i) => entries(String(i), made)),
    ...entries('variable', variables),
    ...entries('result', results),
  ]);
}

function unflatten(flat: Readonly<Record<string, Value>>, count: number): Update {
  const of = (kind: string) =>
    Object.fromEntries(
      Object.entries(flat).flatMap(([key, v]) => (key.startsWith(`${kind}/`) ? [[key.slice(kind.length + 1), v]] : [])),
    );
  return {
    stacks: Array.from({ length: count }, (_, i) => of(String(i))),
    variables: of('variable'),
    results: of('result'),
  };
}

/** An `If` whose branches make the same things. */
function when(
  context: UpdateContext,
  condition: Value,
  branches: { readonly taken: (inner: UpdateContext) => Update; readonly kept: (inner: UpdateContext) => Update },
): Update {
  const { builder } = context;
  const [then, otherwise] = [builder.subgraph(builder.fresh('then')), builder.subgraph(builder.fresh('otherwise'))];
  const made = flatten(branches.taken(within(context, { builder: then })));
  const kept = flatten(branches.kept(within(context, { builder: otherwise })));
  const keys = Object.keys(made);
  for (const key of keys) {
    branchOutput(then, key, made);
    branchOutput(otherwise, key, kept);
  }
  const attributes = { then_branch: then.graph, else_branch: otherwise.graph };
  const results = builder.apply('If', [condition], attributes);
  return unflatten(Object.fromEntries(keys.map((key, i) => [key, results[i] as Value])), context.stacks.length);
}

const branchOutput = (builder: GraphBuilder, key: string, values: Readonly<Record<string, Value>>): Value =>
  builder.output(values[key] as Value, `${builder.graph.name}/${key}`);

/** The state as it was, and zeros as results. */
const unchanged = (context: UpdateContext, results: readonly string[]): Update => ({
  stacks: context.stacks.map(({ w, slots }) => ({ w, ...slots })),
  variables: context.variables,
  results: Object.fromEntries(results.map((name) => [name, context.builder.scalar(0)])),
});

/** The context as an inner optimizer sees it: its own slots and variables only. */
function inside(context: UpdateContext, { init }: Optimizer): UpdateContext {
  const pick = (all: Readonly<Record<string, Value>>, names: object) =>
    Object.fromEntries(Object.keys(names).map((name) => [name, all[name] as Value]));
  return within(context, {
    stacks: context.stacks.map((stack) => ({ ...stack, slots: pick(stack.slots, init.slots) })),
    variables: pick(context.variables, init.variables ?? {}),
  });
}

/**
 * Leaves the state alone on a step whose loss or gradient is not finite and reports `skipped`; with `scaling`, gradients
 * come in times the scale, which moves as in `GradScaler` (Micikevicius et al. 2018, §3.2) and is reported as `loss_scale`.
 */
export function skipping(inner: Optimizer, scaling?: LossScaling): Optimizer {
  const results = [...new Set([...(inner.results ?? []), 'grad_norm'])];
  return {
    init: {
      slots: inner.init.slots,
      variables: { ...inner.init.variables, ...(scaling ? { [SCALE]: scaling.initial ?? 65536, [GOOD]: 0 } : {}) },
    },
    scalars: inner.scalars,
    results: [...results, 'skipped', ...(scaling ? ['loss_scale'] : [])],
    update: (context) => {
      const { op } = context;
      const scale = context.variables[SCALE];
      const norm = scale ? op.Div(context.norm(), scale) : context.norm();
      const finite = allFinite(context, op.Add(norm, context.loss));
      const update = when(inside(context, inner), finite, {
        taken: (c) => inner.update(within(c, { norm: () => norm, stacks: unscaled(c, scale) })),
        kept: (c) => unchanged(c, inner.results ?? []),
      });
      return {
        stacks: update.stacks,
        variables: { ...update.variables, ...(scale && scaling ? nextScale(context, finite, scaling) : {}) },
        results: {
          ...update.results,
          grad_norm: norm,
          skipped: op.Sub(1, op.Cast(finite, { to: 1 })),
          ...(scale ? { loss_scale: scale } : {}),
        },
      };
    },
  };
}

function unscaled({ op, stacks }: UpdateContext, scale: Value | undefined): UpdateContext['stacks'] {
  if (!scale) return stacks;
  const factor = op.Reciprocal(scale);
  return stacks.map((stack) => ({ ...stack, g: op.Mul(stack.g, factor) }));
}

function nextScale(
  { op, builder, variables }: UpdateContext,
  finite: Value,
  { growth = 2, backoff = 0.5, interval = 2000 }: LossScaling,
): Record<string, Value> {
  const [scale, good] = [variables[SCALE] as Value, op.Add(variables[GOOD] as Value, 1)];
  const full = op.GreaterOrEqual(good, interval);
  const factor = op.Where(finite, op.Where(full, growth, builder.scalar(1)), backoff);
  const count = op.Where(op.And(finite, op.Not(full)), good, 0);
  return { [SCALE]: op.Clip(op.Mul(scale, factor), LEAST, MOST), [GOOD]: count };
}

/**
 * Adds up gradients, each already times its `share`, and takes a step with the sum where the scalar `apply` is 1; elsewhere
 * only the sum changes. The loss that a step is judged by is the sum too, so that a bad micro-batch is never forgotten.
 */
export function accumulating(inner: Optimizer): Optimizer {
  return {
    init: {
      slots: { ...inner.init.slots, [SUM]: 'zeros' },
      variables: { ...inner.init.variables, [LOSS]: 0 },
    },
    scalars: [...inner.scalars, 'share', 'apply'],
    results: inner.results ?? [],
    update: (context) => {
      const { op, scalars } = context;
      const loss = op.Add(context.variables[LOSS] as Value, op.Mul(context.loss, scalars.share as Value));
      const update = when(context, op.Greater(scalars.apply as Value, 0.5), {
        taken: (c) => {
          const total = inside({ ...c, loss, stacks: summed(c) }, inner);
          const { stacks, variables, results } = inner.update(withNorm(total));
          const empty = c.stacks.map(({ w }) => ({ [SUM]: zeros(c, w) }));
          return {
            stacks: stacks.map((made, i) => ({ ...made, ...empty[i] })),
            variables: { ...variables, [LOSS]: c.builder.scalar(0) },
            results: results ?? {},
          };
        },
        kept: (c) => {
          const kept = unchanged(c, inner.results ?? []);
          const sums = summed(c);
          return {
            ...kept,
            stacks: kept.stacks.map((made, i) => ({ ...made, [SUM]: sums[i]?.g as Value })),
            variables: { ...kept.variables, [LOSS]: loss },
          };
        },
      });
      return update;
    },
  };
}

const summed = ({ op, stacks }: UpdateContext): UpdateContext['stacks'] =>
  stacks.map((stack) => ({ ...stack, g: op.Add(stack.slots[SUM] as Value, stack.g) }));

/** Zeros of a stack's shape; written as a computation, so that the file stays small. */
const zeros = ({ builder, op }: UpdateContext, w: Value): Value =>
  op.Expand(builder.scalar(0), builder.ints(...(w.shape as readonly number[])));

/** The context with the norm of its own gradients. */
export function withNorm(context: Omit<UpdateContext, 'norm'>): UpdateContext {
  let known: Value | undefined;
  const norm = () => {
    known ??= globalNorm(context);
    return known;
  };
  return { ...context, norm };
}

/** √Σ g² over all stacks; along the last axis first, which is exact longer and runs in parallel. */
function globalNorm({ builder, op, stacks }: Omit<UpdateContext, 'norm'>): Value {
  const sums = stacks.map(({ g }) => {
    const rank = g.shape?.length ?? 0;
    const rows = rank > 1 ? op.ReduceSumSquare(g, builder.ints(rank - 1), { keepdims: 0 }) : op.Mul(g, g);
    return rank > 0 ? op.ReduceSum(rows, undefined, { keepdims: 0 }) : rows;
  });
  return op.Sqrt(sums.reduce((a, b) => op.Add(a, b)));
}
