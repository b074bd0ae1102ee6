/** Same-shaped parameters as one state tensor: how they are grouped, cut apart and put together. */
import { type GraphBuilder, Node, type Stack, type Value } from '@neuroprune/onnx';
import type { Unit } from './products.js';

/** A stack, whether weight decay applies to its members, and the factor of their learning rate. */
export interface ParameterStack extends Stack {
  readonly decayed: boolean;
  readonly rate: number;
  /** Members that the graph reads as one value: this many neighbours. */
  readonly run: number;
}

/** How parameters are told apart beside their shape. */
export interface StackOptions {
  readonly slots: readonly string[];
  readonly isMasked: (name: string) => boolean;
  readonly isDecayed: (name: string, dims: readonly number[]) => boolean;
  readonly rateOf: (name: string, dims: readonly number[]) => number;
  /** Most members a stack: `Split` and `Concat` of more leave the fast path of GPU providers. */
  readonly limit: number;
}

/** What tells the stacks of parameters of one shape apart: equal for those that may share one. */
export function traitsOf(
  { name, tensor }: Value,
  { isMasked, isDecayed, rateOf }: Omit<StackOptions, 'slots' | 'limit'>,
) {
  const shape = tensor?.dims ?? [];
  return { shape, masked: isMasked(name), decayed: isDecayed(name, shape), rate: rateOf(name, shape) };
}

/** Groups units of parameters by shape, decay, rate, mask and size, in order of first appearance. */
export function stacksOf(units: readonly Unit[], options: StackOptions): ParameterStack[] {
  const groups = new Map<string, { units: Unit[]; traits: Omit<ParameterStack, 'name' | 'slots' | 'members'> }>();
  for (const unit of units) {
    const [first] = unit.members as readonly [Value];
    const { length: run } = unit.members;
    const traits = { ...traitsOf(first, options), run };
    const { shape, masked, decayed, rate } = traits;
    const suffix = `${decayed ? '_decayed' : ''}${masked ? '_masked' : ''}${rate === 1 ? '' : `_rate${rate}`}`;
    // Scalars have no axis to be cut along.
    const key = shape.length === 0 ? first.name : `stack_${shape.join('x')}${suffix}${run === 1 ? '' : `_by${run}`}`;
    const group = groups.get(key) ?? { units: [], traits };
    group.units.push(unit);
    groups.set(key, group);
  }
  return [...groups].flatMap(([key, group]) =>
    pieces(group.units, options.limit).map((part, i, all) => {
      const members = part.flatMap((unit) => unit.members.map(({ name }) => name));
      const name = members.length === 1 ? (members[0] as string) : all.length > 1 ? `${key}_${i}` : key;
      return { name, members, ...group.traits, slots: ['w', ...options.slots] };
    }),
  );
}

/** Items in runs of about one length, none longer than `limit`. */
export function pieces<T>(items: readonly T[], limit: number): T[][] {
  const count = Math.ceil(items.length / limit);
  const size = Math.ceil(items.length / count);
  return Array.from({ length: count }, (_, i) => items.slice(i * size, (i + 1) * size));
}

/** Makes the stack's units equal pieces of its weights: [n, a, …] seen as [n·a, …]. */
export function cutApart(builder: GraphBuilder, stack: Stack, units: readonly Value[], w: Value): void {
  const [first = 1, ...rest] = stack.shape;
  const flat = builder.op.Reshape(w, builder.ints(first * stack.members.length, ...rest));
  const attributes = {
    axis: { type: 'int', value: 0 },
    num_outputs: { type: 'int', value: units.length },
  } as const;
  builder.graph.nodes.push(
    new Node(units.length > 1 ? 'Split' : 'Identity', [flat], [...units], units.length > 1 ? attributes : {}),
  );
}

/** Gradients of the units as one tensor in the stack's shape. */
export function putTogether(builder: GraphBuilder, stack: Stack, gradients: readonly Value[]): Value {
  const [only] = gradients;
  if (stack.members.length === 1 && only) return only;
  const flat = gradients.length === 1 && only ? only : builder.op.Concat(gradients, { axis: 0 });
  return builder.op.Reshape(flat, builder.ints(stack.members.length, ...stack.shape));
}
