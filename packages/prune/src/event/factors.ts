import type { GraphBuilder, Value } from '@neuroprune/onnx';
import { EPSILON } from '../degree.js';
import type { ThresholdMethod } from '../method.js';
import { joined, type Role, type WeightStack } from './scored.js';

/** A vector for a matrix of the model, by which its rows or its columns are multiplied. */
export interface Factor {
  readonly axis: 'row' | 'column';
  readonly value: Value;
}

/** Rows of a matrix by themselves, [1, extent] each: the vector of each member of a stack. */
export function cut({ op }: GraphBuilder, vectors: Value, n: number): readonly Value[] {
  return n === 1 ? [vectors] : op.Split(vectors, undefined, { axis: 0, num_outputs: n });
}

/** Where the vectors of members are found again: by layer and role; several for a layer with several matrices of a role. */
export class VectorTable {
  private readonly vectors = new Map<string, Value[]>();

  add({ members }: WeightStack, values: readonly Value[], of: ReadonlySet<Role>): void {
    for (const [i, { role, layer }] of members.entries()) {
      if (!of.has(role)) continue;
      const key = `${layer}/${role}`;
      this.vectors.set(key, [...(this.vectors.get(key) ?? []), values[i] as Value]);
    }
  }

  get(layer: number, ...roles: readonly Role[]): Value[] {
    return roles.flatMap((role) => this.vectors.get(`${layer}/${role}`) ?? []);
  }
}

const has = ({ members }: WeightStack, roles: ReadonlySet<Role>) => members.some(({ role }) => roles.has(role));

/** Vectors of what entries come to, along the axis that `sum` sums over (1: a number a column, 2: a number a row). */
export function sums(
  builder: GraphBuilder,
  stacks: readonly WeightStack[],
  sum: { readonly roles: ReadonlySet<Role>; readonly axis: 1 | 2; readonly entries: (stack: WeightStack) => Value },
): VectorTable {
  const table = new VectorTable();
  for (const stack of stacks.filter((s) => has(s, sum.roles))) {
    const all = builder.op.ReduceSum(sum.entries(stack), builder.ints(sum.axis), { keepdims: 0 });
    table.add(stack, cut(builder, all, stack.members.length), sum.roles);
  }
  return table;
}

const mean = ({ op }: GraphBuilder, values: readonly Value[]): Value =>
  op.Mul(
    values.reduce((a, b) => op.Add(a, b)),
    1 / values.length,
  );

const MLP: ReadonlySet<Role> = new Set(['intermediate', 'contraction']);
const QKV: ReadonlySet<Role> = new Set(['query', 'key', 'value']);

/** The factors of the matrices of all layers: degrees of hidden units, and how much of each input is read. */
export function factorsOf(
  builder: GraphBuilder,
  stacks: readonly WeightStack[],
  { gamma, outGrouping }: ThresholdMethod,
): (layer: number, role: Role) => Factor | undefined {
  if (gamma === 0) return () => undefined;
  const { op } = builder;
  const power = (x: Value, exponent: number) => (exponent === 1 ? x : op.Pow(x, exponent));
  const connected = ({ absolute }: WeightStack) => op.Cast(op.GreaterOrEqual(absolute, EPSILON), { to: 1 });
  const rows = sums(builder, stacks, { roles: MLP, axis: 2, entries: (s) => op.Mul(connected(s), 1 / s.columns) });
  const columns = sums(builder, stacks, { roles: MLP, axis: 1, entries: (s) => op.Mul(connected(s), 1 / s.rows) });
  const read = sums(builder, stacks, { roles: QKV, axis: 1, entries: ({ absolute }) => absolute });
  const into = (layer: number) => mean(builder, rows.get(layer, 'intermediate'));
  const joint = (layer: number) => mean(builder, [into(layer), ...columns.get(layer, 'contraction')]);
  const pulled = (layer: number) => {
    const r = read.get(layer, 'query', 'key', 'value').reduce((a, b) => op.Add(a, b));
    const average = op.ReduceMean(r, builder.ints(1), { keepdims: 1 });
    return power(op.Div(r, op.Where(op.Equal(average, 0), 1, average)), gamma / 2);
  };
  const expansion = (layer: number) => power(outGrouping === 'joint' ? joint(layer) : into(layer), gamma);
  const contraction = (layer: number): Factor => {
    if (outGrouping === 'row') return { axis: 'row', value: power(rows.get(layer, 'contraction')[0] as Value, gamma) };
    const degrees = outGrouping === 'joint' ? joint(layer) : (columns.get(layer, 'contraction')[0] as Value);
    return { axis: 'column', value: power(degrees, gamma) };
  };
  return (layer, role) => {
    if (QKV.has(role)) return { axis: 'column', value: pulled(layer) };
    if (role === 'intermediate') return { axis: 'row', value: expansion(layer) };
    return role === 'contraction' ? contraction(layer) : undefined;
  };
}

/** Scores of a stack, [n, rows, columns]: |w| times the factors of each member. */
export function scoresOf(
  builder: GraphBuilder,
  stack: WeightStack,
  factorOf: (layer: number, role: Role) => Factor | undefined,
): Value {
  const { op } = builder;
  const { absolute, members, rows, columns } = stack;
  const factors = members.map(({ layer, role }) => factorOf(layer, role));
  const along = (axis: Factor['axis'], extent: number, shape: readonly number[]) => {
    if (!factors.some((factor) => factor?.axis === axis)) return undefined;
    const ones = builder.constant({ dtype: 'float32', dims: [1, extent], data: new Float32Array(extent).fill(1) });
    const values = factors.map((factor) => (factor?.axis === axis ? factor.value : ones));
    return op.Reshape(joined(builder, values), builder.ints(...shape));
  };
  const n = members.length;
  const all = [along('row', rows, [n, rows, 1]), along('column', columns, [n, 1, columns])];
  return all.reduce<Value>((scores, factor) => (factor ? op.Mul(scores, factor) : scores), absolute);
}
