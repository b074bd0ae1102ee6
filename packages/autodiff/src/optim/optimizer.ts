import type { GraphBuilder, OpFunctions, Value } from '@neuroprune/onnx';
import { demand } from '../errors.js';

/** What a state tensor holds before the first step. */
export type Start = 'zeros' | 'weights';

/** What an optimizer sees of one stack of parameters; slots are those it declares. */
export interface StackContext<Slot extends string = string> {
  /** The weights before the step. */
  readonly w: Value;
  /** The gradient, in the shape of `w`, as earlier links of a chain left it. */
  readonly g: Value;
  /** The weights after the step, once a link has made them. */
  readonly next: Value | undefined;
  readonly slots: Readonly<Record<Slot, Value>>;
  /** Whether weight decay applies. */
  readonly decayed: boolean;
  /** Factor of the learning rate. */
  readonly rate: number;
}

/** What an optimizer sees of a step: every stack at once, and the scalars and variables that it declares. */
export interface UpdateContext<
  Slot extends string = string,
  Scalar extends string = string,
  Variable extends string = string,
> {
  readonly builder: GraphBuilder;
  readonly op: OpFunctions;
  readonly stacks: readonly StackContext<Slot>[];
  readonly scalars: Readonly<Record<Scalar, Value>>;
  readonly variables: Readonly<Record<Variable, Value>>;
  /** The loss of the step. */
  readonly loss: Value;
  /** Euclidean norm of the whole gradient before any link changed it, a scalar; computed once, when first asked for. */
  norm(): Value;
}

/** What a step makes: for each stack its next slots, and the next weights `w` or a changed gradient `g`. */
export interface Update {
  readonly stacks: readonly Readonly<Record<string, Value>>[];
  readonly variables?: Readonly<Record<string, Value>>;
  readonly results?: Readonly<Record<string, Value>>;
}

/** An optimizer in the graph, or a link of one: a first state, and a pure expression from state and gradient to the next. */
export interface Optimizer<
  Slot extends string = string,
  Scalar extends string = string,
  Variable extends string = string,
> {
  readonly init: {
    /** State kept beside the weights of each stack. */
    readonly slots: Readonly<Record<Slot, Start>>;
    /** Scalars of the state and their first values. */
    readonly variables?: Readonly<Record<Variable, number>>;
  };
  /** Scalar inputs, one number a step each. */
  readonly scalars: readonly Scalar[];
  /** Scalars that `update` reports. */
  readonly results?: readonly string[];
  update(context: UpdateContext<Slot, Scalar, Variable>): Update;
}

/** The context with changed parts; a context of another builder writes its nodes there. */
export const within = (context: UpdateContext, changes: Partial<UpdateContext>): UpdateContext => ({
  ...context,
  ...changes,
  op: (changes.builder ?? context.builder).op,
});

/** Several links as one optimizer: each sees the gradient and the weights that the ones before it made. Slots must differ. */
export function chain(...links: readonly Optimizer[]): Optimizer {
  const slots = links.flatMap((link) => Object.entries(link.init.slots));
  const variables = links.flatMap((link) => Object.entries(link.init.variables ?? {}));
  const names = [...slots, ...variables].map(([name]) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  demand(twice === undefined, 'chain', 'links with slots of their own', `'${twice}' twice`);
  return {
    init: { slots: Object.fromEntries(slots), variables: Object.fromEntries(variables) },
    scalars: [...new Set(links.flatMap((link) => link.scalars))],
    results: [...new Set(links.flatMap((link) => link.results ?? []))],
    update: (context) => run(links, context),
  };
}

function run(links: readonly Optimizer[], context: UpdateContext): Update {
  let stacks = context.stacks;
  let made: readonly Readonly<Record<string, Value>>[] = stacks.map(() => ({}));
  const variables: Record<string, Value> = {};
  const results: Record<string, Value> = {};
  for (const link of links) {
    const update = link.update(within(context, { stacks }));
    made = made.map((sofar, i) => ({ ...sofar, ...update.stacks[i] }));
    stacks = stacks.map((stack, i) => ({ ...stack, g: made[i]?.g ?? stack.g, next: made[i]?.w ?? stack.next }));
    Object.assign(variables, update.variables);
    Object.assign(results, update.results);
  }
  return { stacks: made, variables, results };
}

/** The rate of a stack: the step's, times the stack's own factor. */
export const rateOf = ({ op }: UpdateContext, stepSize: Value, { rate }: StackContext): Value =>
  rate === 1 ? stepSize : op.Mul(stepSize, rate);

/** Weights after decoupled decay, `decay` being 1 - lr·λ: a stack's own factor of the rate is one of its decay too. */
export function decayedOf({ op }: UpdateContext, decay: Value, { w, decayed, rate }: StackContext): Value {
  if (!decayed) return w;
  return op.Mul(w, rate === 1 ? decay : op.Sub(1, op.Mul(op.Sub(1, decay), rate)));
}

/** Throws where a number of a step is below 0 or not finite. */
export function checkStep(optimizer: string, numbers: Readonly<Record<string, number>>): void {
  for (const [name, x] of Object.entries(numbers))
    demand(x >= 0 && Number.isFinite(x), `${optimizer}.${name}`, 'a number from 0', x);
}
