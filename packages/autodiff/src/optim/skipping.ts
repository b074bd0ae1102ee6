import type { Value } from '@neuroprune/onnx';
import { demand } from '../errors.js';
import { type Optimizer, type UpdateContext, within } from './optimizer.js';
import { inside, unchanged, when } from './when.js';

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

/** Throws where a choice of loss scaling makes no sense. */
export function checkLossScaling({ initial = 1, growth = 2, backoff = 0.5, interval = 1 }: LossScaling): void {
  const [least, most] = [LEAST, MOST].map((x) => `2^${Math.log2(x)}`);
  demand(initial >= LEAST && initial <= MOST, 'lossScaling.initial', `a scale in [${least}, ${most}]`, initial);
  demand(growth >= 1 && Number.isFinite(growth), 'lossScaling.growth', 'a factor from 1', growth);
  demand(backoff > 0 && backoff < 1, 'lossScaling.backoff', 'a factor between 0 and 1', backoff);
  demand(Number.isInteger(interval) && interval > 0, 'lossScaling.interval', 'a whole number from 1', interval);
}

/** Names of the variables of loss scaling. */
export const SCALE = 'scaling.scale';
const GOOD = 'scaling.good_steps';
/** Bounds of the scale: it and its reciprocal stay normal numbers. */
const [LEAST, MOST] = [2 ** -126, 2 ** 126];

/** True where a scalar is a finite number: infinities and NaN give NaN when taken from themselves. */
const allFinite = ({ op }: UpdateContext, x: Value): Value => op.Equal(op.Sub(x, x), 0);

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
