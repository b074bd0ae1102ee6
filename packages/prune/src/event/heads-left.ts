import type { GraphBuilder, Value } from '@neuroprune/onnx';
import { sums } from './factors.js';
import type { Role, WeightStack } from './scored.js';

const ROWS: ReadonlySet<Role> = new Set(['query', 'key', 'value']);
const COLUMNS: ReadonlySet<Role> = new Set(['output']);

/** Weights other than zero of the heads of all layers, [1, heads] a layer. */
export interface HeadCounts {
  readonly qkv: readonly Value[];
  readonly output: readonly Value[];
  /** How many heads still do something: value rows and output columns are not all zero. */
  readonly live: Value;
}

/** Counts per head, layer by layer; `heads` says how many each has. */
export function headCounts(
  builder: GraphBuilder,
  stacks: readonly (WeightStack & { readonly alive: Value })[],
  heads: readonly number[],
): HeadCounts {
  const { op } = builder;
  const entries = (stack: WeightStack) => (stack as (typeof stacks)[number]).alive;
  const rows = sums(builder, stacks, { roles: ROWS, axis: 2, entries });
  const columns = sums(builder, stacks, { roles: COLUMNS, axis: 1, entries });
  const perHead = (vector: Value, n: number) =>
    op.Unsqueeze(
      op.ReduceSum(op.Reshape(vector, builder.ints(n, -1)), builder.ints(1), { keepdims: 0 }),
      builder.ints(0),
    );
  const of = (layer: number, role: Role) =>
    perHead((ROWS.has(role) ? rows : columns).get(layer, role)[0] as Value, heads[layer] as number);
  const each = heads.map((_, layer) => layer);
  const output = each.map((layer) => of(layer, 'output'));
  const value = each.map((layer) => of(layer, 'value'));
  const qkv = each.map((layer) => op.Add(op.Add(of(layer, 'query'), of(layer, 'key')), value[layer] as Value));
  const lives = each.map((layer) => {
    const both = op.Mul(value[layer] as Value, output[layer] as Value);
    return op.ReduceSum(op.Cast(op.Greater(both, 0), { to: 1 }), undefined, { keepdims: 0 });
  });
  return { qkv, output, live: lives.reduce((a, b) => op.Add(a, b)) };
}

/** Sum of the `count` largest numbers of all layers. Each number's rank is how many go before it: equal ones in their order. */
export function sumOfLargest(builder: GraphBuilder, perLayer: readonly Value[], count: Value): Value {
  const { op } = builder;
  const all = joined(builder, perLayer); // [1, H]
  const total = perLayer.reduce((n, value) => n + (value.shape?.[1] as number), 0);
  const column = op.Reshape(all, builder.ints(total, 1));
  const earlier = Float32Array.from({ length: total * total }, (_, at) => Number(at % total < Math.floor(at / total)));
  const before = builder.constant({ dtype: 'float32', dims: [total, total], data: earlier });
  const larger = op.Cast(op.Greater(all, column), { to: 1 }); // [H, H]: the j-th is larger than the i-th
  const equal = op.Mul(op.Cast(op.Equal(all, column), { to: 1 }), before);
  const rank = op.ReduceSum(op.Add(larger, equal), builder.ints(1), { keepdims: 0 });
  const chosen = op.Cast(op.Less(rank, count), { to: 1 });
  return op.ReduceSum(op.Mul(op.Reshape(all, builder.ints(-1)), chosen), undefined, { keepdims: 0 });
}

/** Concatenates a few at a time: a shader of WebGPU binds only so many buffers. */
function joined({ op }: GraphBuilder, values: readonly Value[]): Value {
  const PIECE = 7;
  let parts = values;
  while (parts.length > 1) {
    const next: Value[] = [];
    for (let i = 0; i < parts.length; i += PIECE) {
      const piece = parts.slice(i, i + PIECE);
      next.push(piece.length === 1 ? (piece[0] as Value) : op.Concat(piece, { axis: 1 }));
    }
    parts = next;
  }
  return parts[0] as Value;
}
