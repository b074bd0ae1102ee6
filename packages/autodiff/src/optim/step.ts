/** One optimizer step over all stacks, as inputs and outputs of the step graph. */
import {
  type GraphBuilder,
  Node,
  slotInput,
  slotOutput,
  stackDims,
  type Value,
  variableOutput,
} from '@neuroprune/onnx';
import { AutodiffError } from '../errors.js';
import { cutApart, type ParameterStack, putTogether } from '../stacks.js';
import { withNorm } from './norm.js';
import type { Optimizer, StackContext } from './optimizer.js';

/** The input that holds a stack's weights; its units become it, or pieces of it. */
function weightsInput(builder: GraphBuilder, stack: ParameterStack, units: readonly Value[]): Value {
  const w = builder.input(slotInput(stack, 'w'), 'float32', stackDims(stack));
  if (stack.members.length > 1) cutApart(builder, stack, units, w);
  else builder.graph.nodes.push(new Node('Identity', [w], [...units]));
  return w;
}

/** The inputs of a stack's other slots. */
const slotInputs = (builder: GraphBuilder, stack: ParameterStack): Record<string, Value> =>
  Object.fromEntries(
    stack.slots.flatMap((slot) =>
      slot === 'w' ? [] : [[slot, builder.input(slotInput(stack, slot), 'float32', stackDims(stack))]],
    ),
  );

/** What the optimizer sees of a stack, whose units, known by their first members, become pieces of one input. */
export function stackContext(
  builder: GraphBuilder,
  stack: ParameterStack,
  gradientOf: ReadonlyMap<string, Readonly<Record<'whole' | 'gradient', Value>>>,
): StackContext {
  const units = stack.members.flatMap((name) => gradientOf.get(name) ?? []);
  const { decayed, rate } = stack;
  const w = weightsInput(
    builder,
    stack,
    units.map(({ whole }) => whole),
  );
  const g = putTogether(
    builder,
    stack,
    units.map(({ gradient }) => gradient),
  );
  return { w, g, next: undefined, slots: slotInputs(builder, stack), decayed, rate };
}

/** The optimizer, and after it zeros for weights (and their averages) that are zero before the step in masked stacks. */
export function masking(inner: Optimizer, stacks: readonly ParameterStack[]): Optimizer {
  const held = ['w', ...Object.keys(inner.init.slots).filter((slot) => inner.init.slots[slot] === 'weights')];
  return {
    ...inner,
    update: (context) => {
      const { op } = context;
      const update = inner.update(context);
      const made = update.stacks.map((values, i) => {
        if (!stacks[i]?.masked) return values;
        const isZero = op.Equal(context.stacks[i]?.w as Value, 0);
        return {
          ...values,
          ...Object.fromEntries(held.map((slot) => [slot, op.Where(isZero, 0, values[slot] as Value)])),
        };
      });
      return { ...update, stacks: made };
    },
  };
}

/** What one step of the optimizer reads. */
export interface StepParts {
  readonly stacks: readonly ParameterStack[];
  readonly contexts: readonly StackContext[];
  readonly scalars: Readonly<Record<string, Value>>;
  readonly variables: Readonly<Record<string, Value>>;
  readonly loss: Value;
}

/** One optimizer step: slots and variables as inputs, their successors and the results as outputs; returns the results' names. */
export function writeStep(builder: GraphBuilder, parts: StepParts, optimizer: Optimizer): readonly string[] {
  const { stacks, contexts, scalars, variables, loss } = parts;
  const context = withNorm({ builder, op: builder.op, stacks: contexts, scalars, variables, loss });
  const update = optimizer.update(context);
  for (const [i, stack] of stacks.entries())
    for (const slot of stack.slots) {
      const value = update.stacks[i]?.[slot];
      if (!value) throw new AutodiffError(`optimizer: expected it to make '${slot}' of every stack, got none`);
      builder.output(value, slotOutput(stack, slot));
    }
  for (const name of Object.keys(variables)) builder.output(update.variables?.[name] as Value, variableOutput(name));
  for (const name of optimizer.results ?? []) builder.output(update.results?.[name] as Value, name);
  return optimizer.results ?? [];
}
