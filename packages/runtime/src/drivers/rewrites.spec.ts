import { float32, GraphBuilder, int64, type Model, modelOf, type Tensor, type Value } from '@neuroprune/onnx';
import { expect, it } from 'vitest';
import { createInference } from '../inference.js';
import { bothBranches } from './both-branches.js';
import { narrowed } from './narrow.js';
import { plainProducts } from './plain-products.js';
import { respelled } from './respell.js';
import { narrowSplits } from './wide-split.js';

/** Everything that reads whole numbers of a batch, over ids [batch, sequence]. */
function model(): Model {
  const builder = new GraphBuilder();
  const { op } = builder;
  const ids = builder.input('ids', 'int64', ['batch', 'sequence']);
  const table = builder.initializer(
    'table',
    float32(
      Array.from({ length: 40 }, (_, i) => Math.cos(i)),
      [20, 2],
    ),
  );
  const flat = op.Reshape(ids, builder.ints(-1));
  const positive = op.Where(op.Less(flat, 0), op.Add(flat, 20), flat);
  const rows = op.Gather(table, op.Cast(positive, { to: 7 }), { axis: 0 });
  const length = op.Squeeze(op.Shape(ids, { start: 1, end: 2 }), builder.ints(0));
  const positions = op.Range(builder.scalar(0, 'int64'), length, builder.scalar(1, 'int64'));
  const index = op.Expand(
    op.Unsqueeze(positive, builder.ints(1)),
    op.Concat([op.Shape(flat), builder.ints(2)], { axis: 0 }),
  );
  const sums = op.ScatterElements(table, index, rows, { axis: 0, reduction: 'add' });
  const later = op.Slice(ids, builder.ints(1), builder.ints(Number.MAX_SAFE_INTEGER), builder.ints(1));
  const odd = op.Equal(op.Unsqueeze(op.Neg(flat), builder.ints(0)), builder.constant(int64([-3, 4], [2, 1])));
  const weighed = (pieces: readonly Value[]) =>
    pieces.map((piece, i) => op.Mul(piece, i + 1)).reduce((a, b) => op.Add(a, b));
  const wide = op.Concat([sums, sums, sums], { axis: 0 }); // 60 rows
  const outputs: Record<string, Value> = {
    equalPieces: weighed(op.Split(wide, { axis: 0, num_outputs: 60 })),
    smallerLast: op.ReduceSum(
      op.Concat([...op.Split(wide, { axis: 0, num_outputs: 8 })].reverse(), { axis: 0 }),
      builder.ints(1),
    ),
    givenPieces: weighed(op.Split(wide, builder.ints(...new Array<number>(12).fill(5)), { axis: -2 })),
    rows,
    sums,
    positions: op.Cast(positions, { to: 1 }),
    later: op.Cast(later, { to: 1 }),
    odd: op.Cast(odd, { to: 1 }),
    shape: op.Cast(op.Shape(ids), { to: 1 }),
    sign: op.Sign(sums),
    clamped: op.HardSigmoid(sums, { alpha: 0.5, beta: 0.25 }),
    clampedAsUsual: op.HardSigmoid(sums),
  };
  for (const [name, value] of Object.entries(outputs)) builder.output(value, name);
  return modelOf(builder.graph);
}

const ids = [3, -4, 5, 0, 19, 3];

async function outputsOf(graph: Model, input: Tensor) {
  const names = graph.graph.outputs.map(({ name }) => name);
  await using inference = await createInference(graph, { threads: 1 });
  return Object.fromEntries(await inference.run(new Map([['ids', input]]), names));
}

it('gives what was given before, from ids of 32 bits and without what WebGPU lacks', async () => {
  const expected = await outputsOf(model(), int64(ids, [2, 3]));
  const rewritten = narrowed(narrowSplits(respelled(model())));
  expect(rewritten.graph.inputs[0]?.dtype).toBe('int32');
  const kinds = rewritten.graph.nodes.map(({ opType }) => opType);
  for (const kind of ['Sign', 'HardSigmoid']) expect(kinds).not.toContain(kind);
  const pieces = rewritten.graph.nodes.flatMap(({ opType, outputs }) => (opType === 'Split' ? [outputs.length] : []));
  expect(Math.max(...pieces)).toBe(7);
  const wide = rewritten.graph.nodes.flatMap(({ opType, outputs }) =>
    outputs.filter(({ dtype }) => dtype === 'int64').map(() => opType),
  );
  expect([...new Set(wide)].sort()).toEqual(['Concat', 'Max', 'Shape', 'Squeeze']);
  expect(await outputsOf(rewritten, { dtype: 'int32', dims: [2, 3], data: Int32Array.from(ids) })).toEqual(expected);
});

it('takes both branches of an If and picks, and transposes weights before products', async () => {
  const build = (): Model => {
    const builder = new GraphBuilder();
    const { op } = builder;
    const ids = builder.input('ids', 'int64', ['batch', 'sequence']);
    const x = op.Cast(ids, { to: 1 });
    const w = builder.initializer('w', float32([1, -2, 3, 4, 5, -6], [2, 3]));
    const y = op.Gemm(x, w, builder.scalar(1), { transB: 1, alpha: 0.5 }); // [batch, 2]
    const [then, otherwise] = [builder.subgraph('then'), builder.subgraph('otherwise')];
    then.output(then.op.Mul(y, 2), 'doubled');
    then.output(y, 'as_is');
    otherwise.output(otherwise.op.Neg(otherwise.op.Add(y, 1)), 'turned');
    otherwise.output(otherwise.op.Div(y, 0), 'lost'); // what is not picked may be infinite
    const attributes = { then_branch: then.graph, else_branch: otherwise.graph };
    const total = op.ReduceSum(y, undefined, { keepdims: 0 });
    const picked = builder.apply('If', [op.Greater(total, 0)], attributes);
    builder.output(picked[0] as Value, 'a');
    builder.output(picked[1] as Value, 'b');
    builder.output(op.Gemm(y, w), 'plain');
    return modelOf(builder.graph);
  };
  for (const row of [ids, ids.map((id) => -id)]) {
    const input = { dtype: 'int64', dims: [2, 3], data: BigInt64Array.from(row, BigInt) } as const;
    const rewritten = plainProducts(bothBranches(build()));
    expect(rewritten.graph.nodes.map(({ opType }) => opType)).not.toContain('If');
    const products = rewritten.graph.nodes.filter(({ opType }) => opType === 'Gemm');
    expect(products.map(({ attributes }) => attributes.transB)).toEqual([undefined, undefined]);
    expect(products[0]?.inputs[1]?.producer?.opType).toBe('Transpose');
    expect(await outputsOf(rewritten, input)).toEqual(await outputsOf(build(), input));
  }
});
