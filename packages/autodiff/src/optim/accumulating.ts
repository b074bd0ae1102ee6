import type { Value } from '@neuroprune/onnx';
import { withNorm } from './norm.js';
import type { Optimizer, UpdateContext } from './optimizer.js';
import { inside, unchanged, when } from './when.js';

const SUM = 'accumulated';
const LOSS = 'accumulated.loss';

/**
 * Adds up gradients, each already times its `share`, and takes a step with the sum where the scalar `apply` is 1; elsewhere
 * only the sum changes. The loss that a step is judged by is the sum too, so that a bad micro-batch is never forgotten.
 * An `If` leaves the optimizer out elsewhere, which takes 0.6 to 0.8 of the time of selecting (docs/results/accumulate.md).
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
