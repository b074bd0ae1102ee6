import type { PrunableGroups } from '@neuroprune/models';
import { type GraphBuilder, type Stack, type StepSignature, slotInput, type Value } from '@neuroprune/onnx';
import { type Kind, kinds } from '../layer.js';

/** What a matrix is in its layer. */
export type Role = 'query' | 'key' | 'value' | 'output' | 'intermediate' | 'contraction';

/** A prunable matrix among the parameters of a step. */
export interface Member {
  readonly role: Role;
  readonly layer: number;
}

const kindOf: Readonly<Record<Role, Kind>> = {
  query: 'qkv',
  key: 'qkv',
  value: 'qkv',
  output: 'output',
  intermediate: 'mlp',
  contraction: 'mlp',
};

/** A stack of weights in the graph of an event, [n, rows, columns], with what is known of its members. */
export interface WeightStack {
  readonly stack: Stack;
  readonly w: Value;
  readonly absolute: Value;
  readonly members: readonly Member[];
  readonly rows: number;
  readonly columns: number;
}

/** The matrices of all layers by name; undefined where one is stored as only a graph on the host reads it. */
export function membersOf(groups: readonly PrunableGroups[]): Map<string, Member> | undefined {
  const members = new Map<string, Member>();
  let plain = true;
  for (const [layer, { heads: h, neurons: n, crossHeads }] of groups.entries()) {
    const all = [
      ['query', h.query],
      ['key', h.key],
      ['value', h.value],
      ['output', h.output],
      ...n.out.map((names) => ['intermediate', names] as const),
      ...n.in.map((names) => ['contraction', names] as const),
    ] as const;
    if (crossHeads || (h.queries ?? 1) > 1 || n.in.length !== 1) plain = false;
    for (const [role, { weight, transposed, part }] of all) {
      if (transposed || part || members.has(weight)) plain = false;
      members.set(weight, { role, layer });
    }
  }
  return plain ? members : undefined;
}

/** The masked stacks of a step as inputs of an event. */
export function weightStacks(
  builder: GraphBuilder,
  { stacks }: StepSignature,
  members: ReadonlyMap<string, Member>,
): WeightStack[] | undefined {
  const { op } = builder;
  const masked = stacks.filter((stack) => stack.masked);
  if (masked.some((stack) => stack.shape.length !== 2 || stack.members.some((name) => !members.has(name))))
    return undefined;
  return masked.map((stack) => {
    const [rows, columns] = stack.shape as [number, number];
    const single = stack.members.length === 1;
    const input = builder.input(
      slotInput(stack, 'w'),
      'float32',
      single ? stack.shape : [stack.members.length, ...stack.shape],
    );
    const w = single ? op.Unsqueeze(input, builder.ints(0)) : input;
    const own = stack.members.map((name) => members.get(name) as Member);
    return { stack, w, absolute: op.Abs(w), members: own, rows, columns };
  });
}

/** A number a member, [n], from one an entry: along rows first, which stays exact up to 2²⁴ entries a member. */
export function sumOfEach(builder: GraphBuilder, entries: Value): Value {
  const { op } = builder;
  const rows = op.ReduceSum(entries, builder.ints(2), { keepdims: 0 });
  return op.ReduceSum(rows, builder.ints(1), { keepdims: 0 });
}

/** Kinds that have a target each. */
export const targetKinds = (together: boolean): readonly (Kind | 'all')[] => (together ? ['all'] : kinds);

/** 1 where a member is of a kind, [kinds, n]. */
export function membership(builder: GraphBuilder, { members }: WeightStack, own: readonly (Kind | 'all')[]): Value {
  const data = Float32Array.from(
    own.flatMap((kind) => members.map(({ role }) => Number(kind === 'all' || kindOf[role] === kind))),
  );
  return builder.constant({ dtype: 'float32', dims: [own.length, members.length], data });
}

/** Values below each other, along their first axis. */
export const joined = ({ op }: GraphBuilder, values: readonly Value[]): Value =>
  values.length === 1 ? (values[0] as Value) : op.Concat(values, { axis: 0 });

/** Columns of the rows in which scores of a kind are counted, at most. */
const WIDTH = 4096;

const largestDivisor = (n: number, most: number): number => {
  for (let d = Math.min(n, most); d > 1; d--) if (n % d === 0) return d;
  return 1;
};

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** The scores of all members of a kind, as rows below each other. */
export function scoresOfKind(
  builder: GraphBuilder,
  scored: readonly { readonly stack: WeightStack; readonly scores: Value }[],
  kind: Kind | 'all',
): Value {
  const { op } = builder;
  const parts = scored.flatMap(({ stack: { members, rows, columns }, scores }) => {
    const own = members.flatMap(({ role }, i) => (kind === 'all' || kindOf[role] === kind ? [i] : []));
    if (own.length === 0) return [];
    const chosen = own.length === members.length ? scores : op.Gather(scores, builder.ints(...own), { axis: 0 });
    return [{ chosen, size: own.length * rows * columns }];
  });
  const width = largestDivisor(parts.map(({ size }) => size).reduce(gcd), WIDTH);
  return joined(
    builder,
    parts.map(({ chosen }) => op.Reshape(chosen, builder.ints(-1, width))),
  );
}

/** Weights of each kind. */
export const sizesOf = (stacks: readonly WeightStack[], own: readonly (Kind | 'all')[]): number[] =>
  own.map((kind) =>
    stacks.reduce(
      (sum, { members, rows, columns }) =>
        sum + rows * columns * members.filter(({ role }) => kind === 'all' || kindOf[role] === kind).length,
      0,
    ),
  );
