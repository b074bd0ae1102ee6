/** Same-shaped parameters as one state tensor: how they are grouped, cut apart and put together. */
import { type GraphBuilder, Node, type Stack, type Value } from '@neuroprune/onnx';

/** A stack, whether weight decay applies to its members, and the factor of their learning rate. */
export interface ParameterStack extends Stack {
  readonly decayed: boolean;
  readonly rate: number;
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

/** Groups parameters by shape, decay, rate and mask, in order of first appearance. */
export function stacksOf(parameters: readonly Value[], options: StackOptions): ParameterStack[] {
  const groups = new Map<string, Omit<ParameterStack, 'name' | 'slots' | 'members'> & { members: string[] }>();
  for (const { name, tensor } of parameters) {
    const shape = tensor?.dims ?? [];
    const [masked, decayed] = [options.isMasked(name), options.isDecayed(name, shape)];
    const rate = options.rateOf(name, shape);
    const traits = `${decayed ? '_decayed' : ''}${masked ? '_masked' : ''}${rate === 1 ? '' : `_rate${rate}`}`;
    // Scalars have no axis to be cut along.
    const key = shape.length === 0 ? name : `stack_${shape.join('x')}${traits}`;
    const group = groups.get(key) ?? { members: [], shape, masked, decayed, rate };
    group.members.push(name);
    groups.set(key, group);
  }
  return [...groups].flatMap(([key, { members, ...rest }]) =>
    pieces(members, options.limit).map((part, i, all) => {
      const name = part.length === 1 ? (part[0] as string) : all.length > 1 ? `${key}_${i}` : key;
      return { name, members: part, ...rest, slots: ['w', ...options.slots] };
    }),
  );
}

function pieces<T>(items: readonly T[], limit: number): T[][] {
  const count = Math.ceil(items.length / limit);
  const size = Math.ceil(items.length / count);
  return Array.from({ length: count }, (_, i) => items.slice(i * size, (i + 1) * size));
}

/** Makes the stack's parameters, so far initializers, equal pieces of its weights: [n, a, …] seen as [n·a, …]. */
export function cutApart(builder: GraphBuilder, stack: Stack, parameters: readonly Value[], w: Value): void {
  const [first = 1, ...rest] = stack.shape;
  const flat = builder.op.Reshape(w, builder.ints(first * parameters.length, ...rest));
  const attributes = {
    axis: { type: 'int', value: 0 },
    num_outputs: { type: 'int', value: parameters.length },
  } as const;
  builder.graph.nodes.push(new Node('Split', [flat], [...parameters], attributes));
}

/** Gradients of the members as one tensor in the stack's shape. */
export function putTogether(builder: GraphBuilder, stack: Stack, gradients: readonly Value[]): Value {
  const [only] = gradients;
  if (gradients.length === 1 && only) return only;
  const flat = builder.op.Concat(gradients, { axis: 0 });
  return builder.op.Reshape(flat, builder.ints(gradients.length, ...stack.shape));
}
